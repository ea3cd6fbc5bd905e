//! Appointments.

use super::part;
use crate::domain::{
    Consultation, ConsultationFilter, ConsultationId, ConsultationStatus, Page, PageRequest,
};

part! {
    /// Appointments. Confirmed ones of a lawyer never overlap.
    pub trait ConsultationStore {
        /// Adds a request. Fails with [`StoreError::Taken`](crate::store::StoreError::Taken) when the lawyer
        /// has confirmed another consultation at that time.
        fn request_consultation(&self, consultation: Consultation) -> ();
        /// One consultation.
        fn consultation(&self, consultation: ConsultationId) -> Option<Consultation>;
        /// Consultations, the latest request first.
        fn consultations(&self, filter: ConsultationFilter, page: PageRequest) -> Page<Consultation>;
        /// Gives a consultation another status, if it still has the one of `seen`; tells whether it had.
        /// Confirming fails with [`StoreError::Taken`](crate::store::StoreError::Taken) like requesting.
        fn move_consultation(&self, seen: Consultation, next: ConsultationStatus) -> bool;
    }
}
