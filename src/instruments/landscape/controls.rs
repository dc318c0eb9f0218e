//! What the reader can move.

use methods::network::dense::Loss;
use methods::network::model::Hidden;
use methods::optimize::First;
use run::prelude::*;

use super::problem::{Kind, Problem};

choice! {
    /// How the plane is chosen.
    pub enum Through {
        Filter => "random, filter-normalised",
        Layer => "random, layer-normalised",
        Plain => "random, plain",
        Path => "principal components of the path",
        Top => "top two Hessian eigenvectors",
        Ends => "top and bottom Hessian eigenvectors",
        Solutions => "three solutions",
        Curve => "two solutions and a learned curve",
    }
}

choice! {
    /// What the map's height is.
    pub enum Height {
        Loss => "loss",
        LogLoss => "log loss",
        Test => "test loss",
        Accuracy => "test accuracy",
        Curvature => "non-convexity",
    }
}

choice! {
    /// The line of the profile.
    pub enum Along {
        First => "the first direction",
        Second => "the second direction",
        Walk => "start to end of training",
        Bridge => "solution to solution",
    }
}

choice! {
    /// Points a side of the finest grid.
    pub enum Detail { Coarse => "17", Middle => "33", Fine => "65", Finest => "129" }
}

controls! {
    /// What the reader can move.
    pub struct Controls {
        plane "directions of the plane": Choice(Through) = Through::Filter, "", "Which two directions are shown. Random: chance; path: where training went; Hessian: where the loss bends; solutions: between several trainings.";
        problem "what is learned": Choice(Problem) = Problem::Moons, "", "What the network learns: points of the plane, points that you draw, or images.";
        height "height of the map": Choice(Height) = Height::Loss, "", "What is drawn as height. The logarithm shows the floor of a valley; non-convexity is 0 in a bowl, and more at saddles.";
        rescaled "show the twin": Toggle() = false, "", "On: the twin in the network's place, other weights with the same function. Off: the network as it was trained.", when activation ["ReLU"] or normalised ["on"];
        reach: Log(0.05, 5.0) = 1.0, "r", "How far the map reaches. Small: the valley's floor; large: its rim. 1 is as long as the weights or the walk.";
        along "line of the profiles": Choice(Along) = Along::First, "", "The line along which loss and accuracy are drawn. From solution to solution needs a plane through solutions.";
        network: Choice(Kind) = Kind::Dense, "", "What the network is. Skips lead around pairs of layers, from three layers on, or around the second convolution.";
        activation: Choice(Hidden) = Hidden::Relu, "", "What a unit does with its sum. Smooth ones make smooth landscapes; ReLU makes creases, and has a twin.";
        step_size "step size": Log(0.001, 1.0) = 0.05, "η", "Length of a step. Small: training creeps, and may end anywhere. Large: only flat places hold it, or none.";
        epochs: LogCount(5, 300) = 60, "", "How often training goes through all samples. Few: it ends on the slope; many: on the valley's floor.";
        optimizer: Choice(First) = First::Momentum, "", "The rule by which the network walks downhill.";
        batch "batch size": LogCount(8, 512) = 64, "b", "Samples a step. Few: a noisy walk; all of them: plain descent.";
        loss: Choice(Loss) = Loss::CrossEntropy, "", "What is minimised. Cross-entropy flattens out as the weights grow; the squared error does not.";
        width "units a layer": LogCount(4, 256) = 16, "h", "Units of a layer, or filters, 16 at most. Few: narrow valleys; many: rounder ones.";
        depth "hidden layers": Count(1, 8) = 2, "L", "Hidden layers of a network without convolutions. Few: gentle walls; many: steeper ones.", when network ["fully connected", "residual"];
        normalised "batch normalisation": Toggle() = false, "", "On: what enters a layer is standardised, and the scale of its weights no longer matters. Off: it matters.";
        weight_decay "weight decay": LogZero(0.00001, 0.1) = 0.0, "λ", "How strongly weights are pulled to zero. 0: not at all; more: they stay short.";
        noise "noise of the points": Real(0.0, 0.5) = 0.15, "σ", "How far points scatter. 0: the classes are apart; much: they overlap, and none can be right everywhere.", when problem ["moons", "spirals", "blobs", "XOR", "drawn by hand"];
        wrong "wrong labels": Real(0.0, 0.5) = 0.0, "ρ", "Share of training labels that are wrong. 0: none. More: a wide network learns even those, at the end of a steep valley.";
        samples "training samples": LogCount(100, 10000) = 1000, "n", "Images to train on, or samples of your own. Few: sooner trained; many: better on test samples. Points are always 500.";
        plane_samples "samples of the pictures": LogCount(50, 2000) = 500, "m", "Training samples that the pictures are taken over. Few: sooner there, and rougher.";
        detail "points a side": Choice(Detail) = Detail::Fine, "", "Points a side of the map, which is refined step by step from 9. More: finer, and slower.", when height ["loss", "log loss", "test loss", "test accuracy"];
        biases "move biases too": Toggle() = false, "", "On: random directions move biases and normalisations as well, each scaled to its own length. Off: weights alone.", when plane ["random, filter-normalised", "random, layer-normalised", "random, plain"];
        probe_a "probe, across": Real(-1.0, 1.0) = 0.0, "a", "Where the probe stands, from the left edge, −1, to the right, 1; or drag it.";
        probe_b "probe, up": Real(-1.0, 1.0) = 0.0, "b", "The same from the lower edge to the upper.";
        drawn "drawn points": Text(1200) = "-0.8 0.1 1; -0.4 0.7 1; 0.2 0.8 1; 0.6 0.3 1; -0.2 -0.1 2; 0.1 -0.7 2; 0.7 -0.8 2; 1.1 -0.2 2", "", "Places and classes of your own, 'x y class; x y class'; or drag the pen in the picture of the network.", when problem ["drawn by hand"];
        pen "class of the pen": Count(1, 4) = 1, "", "The class that the pen draws.", when problem ["drawn by hand"];
    }
}

impl Controls {
    /// All that the walks depend on.
    pub(super) fn of_the_walk(&self) -> Controls {
        let shown = Controls::default();
        Controls {
            plane: if self.walks() > 1 { self.plane } else { shown.plane },
            reach: shown.reach,
            biases: shown.biases,
            height: shown.height,
            along: shown.along,
            detail: shown.detail,
            rescaled: shown.rescaled,
            probe_a: shown.probe_a,
            probe_b: shown.probe_b,
            pen: shown.pen,
            ..self.clone()
        }
    }

    /// The ends of the map in units of the two directions.
    pub(super) fn window(&self) -> (f64, f64) {
        let r = self.reach;
        if self.walks() > 1 { (0.5 - 0.9 * r, 0.5 + 0.9 * r) } else { (-r, r) }
    }

    pub(super) fn contradiction(&self) -> Result<()> {
        if self.along == Along::Bridge && self.walks() == 1 {
            let text =
                "along: from solution to solution needs a plane through solutions; choose 'three solutions' or the learned curve";
            return Err(Error::new(text));
        }
        Ok(())
    }
}
