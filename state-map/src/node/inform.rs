//! The process as a verifier sees it.

use std::sync::Arc;

use super::Node;
use crate::port::Port;
use crate::verify::{Holdings, Source, Who};

impl<P: Port> Source for Node<P> {
    fn who(&self) -> Who {
        let name = self.shared.settings.name.clone();
        self.shared.state(|state| Who {
            name,
            incarnation: state.view.incarnation,
            run: state.view.run,
            acknowledged: state.acked,
            serving: state.view.phase,
            dropped_epoch: state.dropped_epoch,
        })
    }

    fn holdings(&self) -> Vec<Arc<dyn Holdings>> {
        self.wards().into_iter().map(|ward| ward as Arc<dyn Holdings>).collect()
    }
}
