//! What the reader can move, and of which settings the claim does not speak.

use methods::network::dense::Loss;
use methods::optimize::First;
use run::prelude::*;

choice! {
    /// What is trained.
    pub enum Model { Dense => "dense network", Convolutional => "convolutional network", Free => "free features" }
}

choice! {
    /// What is to be told apart.
    pub enum Data { Blobs => "blobs", Gratings => "gratings", Digits => "digits", Mnist => "MNIST" }
}

choice! {
    /// How the learning rate changes.
    pub enum Rate { Constant => "constant", Tenth => "a tenth at the end", Step => "in steps", Cosine => "cosine" }
}

controls! {
    /// What the reader can move.
    pub struct Controls {
        model: Choice(Model) = Model::Dense, "", "What is trained. Free features are the theory's model: nothing below the last layer, and nothing to generalise.";
        loss "loss function": Choice(Loss) = Loss::Squared, "", "What training minimises. Squared error: classes tighten soon; cross-entropy: far more slowly at this size.";
        classes "number of classes": Count(2, 10) = 4, "K", "How many classes there are. Two: a segment; three: a triangle; four: a tetrahedron; above, the picture is a projection.";
        lambda_w "decay of the classifier": LogZero(1e-5, 1.0) = 2e-3, "λ_W", "Pulls the classifier's weights to zero. Zero everywhere: classifier and means stay apart; large: all shrink away.";
        imbalance "imbalance ratio": Log(1.0, 100.0) = 1.0, "R", "How many times fewer samples the later classes have. One: equal classes; large: their directions close up.";
        lambda_h "decay of the features": LogZero(1e-5, 1.0) = 0.0, "λ_H", "Pulls the last layer's features to zero. Small: they may grow; large: they vanish.";
        tie "tie to given features": LogZero(1e-3, 1e3) = 0.0, "β", "Holds free features near given ones. Zero: they collapse fully; large: they hardly move.", when model ["free features"];
        noise "wrong labels": Real(0.0, 0.5) = 0.0, "", "Share of wrong training labels. They must be learned by heart before the training error is gone: allow hundreds of epochs; some runs never manage.", when model ["dense network", "convolutional network"];
        smoothing "label smoothing": Real(0.0, 0.5) = 0.0, "ε", "Takes this share of each target and spreads it over all classes. Larger: margins stop growing, classes tighten sooner.";
        lambda_b "decay of the bias": LogZero(1e-5, 1.0) = 2e-3, "λ_b", "Pulls the classifier's bias to zero. Larger: the mean of all class means may leave the origin.";
        decay "decay of lower layers": LogZero(1e-5, 0.1) = 2e-3, "λ", "Pulls the weights of all layers below the classifier to zero. Zero: about half of the spread stays; large: nothing is learned.", when model ["dense network", "convolutional network"];
        data "data set": Choice(Data) = Data::Digits, "", "What the networks learn to tell apart.", when model ["dense network", "convolutional network"];
        per_class "samples per class": Count(10, 200) = 100, "n", "Training samples in a class. Few: quick epochs; many: slow ones, and a cloud that shows its shape.";
        epochs: LogCount(10, 1000) = 200, "", "Passes over the training set. Collapse needs many after the last error.";
        layers "hidden layers": Count(1, 5) = 3, "", "Hidden layers of the dense network; the picture 'From layer to layer' has a group of bars for each.", when model ["dense network"];
        width "features": LogCount(8, 128) = 64, "d", "Features of the last hidden layer, and units of the dense network's others. Fewer: less room for the simplex.", when model ["dense network", "convolutional network"];
        rate "learning rate": Log(1e-4, 1.0) = 0.05, "η", "Step size. For free features in units of one over the curvature. Too small: slow; too large: it flies apart.";
        schedule "learning-rate schedule": Choice(Rate) = Rate::Tenth, "", "How the learning rate changes. A smaller one at the end takes the noise of the batches away.";
        optimizer: Choice(First) = First::Momentum, "", "How weights move. Rules that divide by the size of each slope, as Adam, want a smaller learning rate.";
        batch "batch size": LogCount(8, 256) = 50, "", "Samples in a batch. Small: many noisy steps in an epoch; large: few smooth ones.", when model ["dense network", "convolutional network"];
    }
}

impl Controls {
    /// Why the claim does not speak of these settings, if it does not.
    pub fn aside(&self) -> Option<&'static str> {
        if self.imbalance > 1.0 {
            Some("The claim is about classes of equal size; here some are smaller.")
        } else if self.loss != Loss::Squared {
            Some("The claim is about the squared error; here another loss is minimised.")
        } else if self.model == Model::Free && self.tie > 0.0 {
            Some("The claim is about features that may move; here they are tied to given ones.")
        } else if self.model == Model::Convolutional {
            Some("The claim is about dense networks; here the network is convolutional.")
        } else {
            None
        }
    }
}
