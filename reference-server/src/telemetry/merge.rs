//! The measurements of several instances as one text. Each series carries the number of its instance, so nothing
//! is added up here: a sum over instances stays right when one of them starts again from zero.

use std::collections::HashMap;
use std::fmt::Write;

/// One metric: its comments, and its samples from all instances.
#[derive(Default)]
struct Family<'a> {
    comments: Vec<&'a str>,
    samples: Vec<&'a str>,
}

/// All families, in the order in which they came. Prometheus wants the samples of a family together.
#[derive(Default)]
struct Families<'a> {
    order: Vec<&'a str>,
    by_name: HashMap<&'a str, Family<'a>>,
}

/// Merges the texts of the instances that answered, and says which those are.
pub fn merge(texts: &[(u32, Option<String>)]) -> String {
    let mut families = Families::default();
    for text in texts.iter().filter_map(|(_, text)| text.as_ref()) {
        families.add(text);
    }
    let mut merged = families.render();
    merged.push_str("# HELP instance_up Whether the instance answered.\n# TYPE instance_up gauge\n");
    for (number, text) in texts {
        let up = u8::from(text.is_some());
        writeln!(merged, "instance_up{{instance_id=\"{number}\"}} {up}").ok();
    }
    merged
}

impl<'a> Families<'a> {
    fn add(&mut self, text: &'a str) {
        let mut current = "";
        for line in text.lines().filter(|line| !line.is_empty()) {
            match name_in_comment(line) {
                Some(name) => {
                    current = name;
                    let family = self.family(name);
                    if !family.comments.contains(&line) {
                        family.comments.push(line);
                    }
                }
                None => self.family(current).samples.push(line),
            }
        }
    }

    fn family(&mut self, name: &'a str) -> &mut Family<'a> {
        self.by_name.entry(name).or_insert_with(|| {
            self.order.push(name);
            Family::default()
        })
    }

    fn render(&self) -> String {
        let mut text = String::new();
        for family in self.order.iter().filter_map(|name| self.by_name.get(name)) {
            for line in family.comments.iter().chain(&family.samples) {
                text.push_str(line);
                text.push('\n');
            }
            text.push('\n');
        }
        text
    }
}

/// The metric that `# HELP` or `# TYPE` speaks of.
fn name_in_comment(line: &str) -> Option<&str> {
    let comment = line.strip_prefix("# HELP ").or_else(|| line.strip_prefix("# TYPE "))?;
    comment.split(' ').next()
}

#[cfg(test)]
mod tests {
    use super::merge;

    #[test]
    fn families_stay_together_and_the_missing_are_named() {
        let text = |id: u32| {
            format!(
                "# TYPE a_total counter\na_total{{instance_id=\"{id}\"}} {id}\n\n# TYPE b gauge\nb{{instance_id=\"{id}\"}} 0\n\n"
            )
        };
        let merged = merge(&[(1, Some(text(1))), (2, None), (3, Some(text(3)))]);
        let expected = "\
# TYPE a_total counter
a_total{instance_id=\"1\"} 1
a_total{instance_id=\"3\"} 3

# TYPE b gauge
b{instance_id=\"1\"} 0
b{instance_id=\"3\"} 0

# HELP instance_up Whether the instance answered.
# TYPE instance_up gauge
instance_up{instance_id=\"1\"} 1
instance_up{instance_id=\"2\"} 0
instance_up{instance_id=\"3\"} 1
";
        assert_eq!(merged, expected);
    }
}
