//! `config.testData`

use super::Compiler;
use crate::load::scenario::plan::TestDataPlan;

impl Compiler<'_> {
    /// What the run leaves behind.
    pub(super) fn test_data(&mut self) -> TestDataPlan {
        let Some(data) = self.config.test_data.clone() else { return TestDataPlan::default() };
        for (index, documents) in data.mongodb.iter().enumerate() {
            let at = format!("/config/testData/mongodb/{index}");
            if documents.collection.is_empty() {
                self.refuse::<()>(&format!("{at}/collection"), "`collection` is empty");
            }
            if documents.field.is_empty() || documents.field.starts_with('$') {
                self.refuse::<()>(&format!("{at}/field"), "`field` names a field, such as username");
            }
        }
        let mut keys = Vec::new();
        for (index, marked) in data.redis.iter().enumerate() {
            match marked.keys.parse() {
                Ok(pattern) => keys.push((marked.keys.clone(), pattern)),
                Err(why) => _ = self.refuse::<()>(&format!("/config/testData/redis/{index}/keys"), why),
            }
        }
        TestDataPlan { documents: data.mongodb, keys }
    }
}
