//! The nearest known word, for messages about an unknown one.

/// `; did you mean 'x'?`, if one of `known` is near `word`: at most a third of its letters (but
/// at least one) added, left out, exchanged or swapped with the next.
#[must_use]
pub fn did_you_mean(word: &str, known: &[&str]) -> String {
    let near = |k: &&&str| strsim::osa_distance(word, k) <= (k.len() / 3).max(1);
    let nearest = known.iter().filter(near).min_by_key(|k| strsim::osa_distance(word, k));
    nearest.map_or_else(String::new, |k| format!("; did you mean '{k}'?"))
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn only_what_is_near_is_suggested() {
        let known = ["ring", "registers", "job"];
        assert_eq!(did_you_mean("rign", &known), "; did you mean 'ring'?");
        assert_eq!(did_you_mean("register", &known), "; did you mean 'registers'?");
        assert_eq!(did_you_mean("jb", &known), "; did you mean 'job'?");
        assert_eq!(did_you_mean("status", &known), "");
        assert_eq!(did_you_mean("x", &[]), "");
    }
}
