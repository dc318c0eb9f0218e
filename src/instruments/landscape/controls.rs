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
        plane: Choice(Through) = Through::Filter, "", "which two directions are shown; each shows something else";
        reach: Log(0.05, 5.0) = 1.0, "r", "how far to look: 1 is as long as the weights (random and Hessian planes), the path, or from solution to solution";
        height: Choice(Height) = Height::Loss, "", "the logarithm shows the floor of the valley; non-convexity is |λ_min/λ_max|, 0 where it is a bowl, over 17 points a side";
        along: Choice(Along) = Along::First, "", "the line that the profiles run along";
        detail: Choice(Detail) = Detail::Fine, "", "points a side of the map; it is refined from 9";
        biases: Toggle() = false, "", "random directions move biases and normalisations as well, each scaled to its own length";
        rescaled: Toggle() = false, "", "the twin in the network's place: other weights, the same function, another picture?";
        problem: Choice(Problem) = Problem::Moons, "", "what the network learns";
        noise: Real(0.0, 0.5) = 0.15, "σ", "of points: more, and the classes overlap";
        wrong: Real(0.0, 0.5) = 0.0, "ρ", "share of wrong training labels: a network that is wide enough learns even those, at the end of a steep valley";
        samples: LogCount(100, 10000) = 1000, "n", "training images (9,500 of MNIST at most: 500 are for tests), or samples of your own";
        plane_samples: LogCount(50, 2000) = 500, "m", "training samples that the pictures are taken over; fewer: sooner there, and rougher";
        network: Choice(Kind) = Kind::Dense, "", "skips lead around pairs of layers (three or more), or around the second convolution";
        depth: Count(1, 8) = 2, "L", "hidden layers of a network without convolutions; deeper: steeper walls";
        width: LogCount(4, 256) = 16, "h", "units a layer, or filters (16 at most); wider: rounder valleys";
        normalised: Toggle() = false, "", "batch normalisation: the scale of a layer's weights no longer matters to the loss";
        activation: Choice(Hidden) = Hidden::Relu, "", "smooth activations, smooth landscapes";
        loss: Choice(Loss) = Loss::CrossEntropy, "", "cross-entropy flattens out as the weights grow, the squared error does not; that is half of |outputs − label|² a sample, K/2 times PyTorch's MSELoss over K outputs";
        optimizer: Choice(First) = First::Momentum, "", "who walks";
        step_size: Log(0.001, 1.0) = 0.05, "η", "larger: only flat places hold it; the sharpness stays under 2/η. Rules that divide by the size of each slope take a tenth, Adadelta twenty times";
        batch: LogCount(8, 512) = 64, "b", "smaller: a noisier walk";
        weight_decay: LogZero(0.00001, 0.1) = 0.0, "λ", "pulls the weights to zero";
        epochs: LogCount(5, 300) = 60, "", "how long it walks";
        probe_a: Real(-1.0, 1.0) = 0.0, "a", "where on the map the probe stands, from the left edge (−1) to the right (1); or drag it";
        probe_b: Real(-1.0, 1.0) = 0.0, "b", "the same from the lower edge to the upper";
        drawn: Text(1200) = "-0.8 0.1 1; -0.4 0.7 1; 0.2 0.8 1; 0.6 0.3 1; -0.2 -0.1 2; 0.1 -0.7 2; 0.7 -0.8 2; 1.1 -0.2 2", "", "problem drawn by hand: places and classes; or drag the pen in the picture of the network";
        pen: Count(1, 4) = 1, "", "the class that the pen draws";
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
