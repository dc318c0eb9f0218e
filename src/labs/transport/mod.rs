//! Transport.

lab! { "transport", "Transport", "How is one distribution moved onto another, at what price, and how fast can that be computed?";
}
