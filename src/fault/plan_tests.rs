use super::*;
use crate::fault::Faults;
use proptest::prelude::*;

fn message(text: &str) -> String {
    let plan = Plan::parse(text);
    let plan = match plan {
        Err(e) => return e.to_string(),
        Ok(plan) => plan,
    };
    let fields: Vec<_> = plan.rules.iter().map(|entry| entry.fields.clone()).collect();
    let (i, problem, key) = Faults::new(0, 4).add_all(&fields).expect_err(text);
    plan.rules[i].error(&problem, key.as_deref()).to_string()
}

#[test]
fn toml_and_json_say_the_same() {
    let toml = "seed = 7\n\n[[rule]]\nkind = \"stall\"\nfor = \"20ms\"\nevery = 100\n\n\
                [[rule]]\nkind = \"data-flip\"\nbits = 3\nprobability = 0.5\nonce = true\n";
    let json = r#"{"seed": 7, "rule": [{"kind": "stall", "for": "20ms", "every": 100},
                   {"kind": "data-flip", "bits": 3, "probability": 0.5, "once": true}]}"#;
    let (toml, json) = (Plan::parse(toml).expect("TOML"), Plan::parse(json).expect("JSON"));
    assert_eq!((toml.seed, json.seed), (Some(7), Some(7)));
    assert_eq!(toml.rules.len(), 2);
    for (a, b) in toml.rules.iter().zip(&json.rules) {
        let (a, b) = (a.fields.rule("x"), b.fields.rule("x"));
        assert!(a.is_ok());
        assert_eq!(a, b);
    }
}

#[test]
fn syntax_errors_have_a_place() {
    let place = |text: &str| Plan::parse(text).expect_err(text).place;
    assert_eq!(place("seed = 7\n[[rule]\n"), Some(Place { line: 2, column: 8 }));
    assert_eq!(place("{\"seed\": 7,\n  oops}").map(|p| p.line), Some(2));
    assert_eq!(place("sead = 7\n"), Some(Place { line: 1, column: 1 }));
    assert!(message("sead = 7\n").contains("sead"));
    assert_eq!(place("{\"sead\": 7}").map(|p| p.line), Some(1));
    assert_eq!(place("seed = -1").map(|p| p.line), Some(1));
}

#[test]
fn problems_with_a_rule_have_the_place_of_the_key() {
    let text = "[[rule]]\nkind = \"stall\"\nfor = \"20ms\"\n\n[[rule]]\nkind = \"data-flip\"\n  bits = 0\n";
    assert!(message(text).starts_with("line 7, column 3: bits=0"), "{}", message(text));
    let text = "rule = [{ kind = \"stall\", for = \"soon\" }]\n";
    assert!(message(text).starts_with("line 1, column 27: for=soon"), "{}", message(text));
    let text = "[[rule]]\nkind = \"stal\"\n";
    assert!(message(text).starts_with("line 1, column"), "{}", message(text));
    let text = "[[rule]]\nfor = \"1ms\"\n";
    assert!(message(text).contains("needs a kind"), "{}", message(text));
    let text = "[[rule]]\nkind = \"stall\"\nfor = [1]\n";
    assert!(message(text).starts_with("line 3, column 1: for="), "{}", message(text));
    // JSON: the rule's number.
    let text = r#"{"rule": [{"kind": "irq-lost"}, {"kind": "data-flip", "bits": 0}]}"#;
    assert!(message(text).starts_with("rule 2: bits=0"), "{}", message(text));
}

#[test]
fn rules_may_name_each_other_in_any_order() {
    let text = "[[rule]]\nkind = \"irq-lost\"\nafter-rule = \"first\"\n\
                [[rule]]\nkind = \"data-skip\"\nname = \"first\"\nonce = true\n";
    let plan = Plan::parse(text).expect("a plan");
    let fields: Vec<_> = plan.rules.iter().map(|entry| entry.fields.clone()).collect();
    assert_eq!(
        Faults::new(0, 4).add_all(&fields),
        Ok(vec!["irq-lost-1".to_owned(), "first".to_owned()])
    );
    let loops = text.replace("once = true", "after-rule = \"irq-lost-1\"");
    assert!(message(&loops).contains("waits for itself"), "{}", message(&loops));
    let lost = text.replace("\"first\"\n[[", "\"fist\"\n[[");
    assert!(message(&lost).contains("did you mean 'first'?"), "{}", message(&lost));
    let seldom = text.replace("\"first\"\n[[", "\"first:2\"\n[[");
    assert!(message(&seldom).contains("fires 1 times at most"), "{}", message(&seldom));
}

proptest! {
    #[test]
    fn nothing_panics(text in ".{0,120}") {
        let _ = Plan::parse(&text);
    }

    #[test]
    fn damaged_plans_do_not_panic(at in 0_usize..120, with in ".{0,3}") {
        let mut text = "seed = 7\n[[rule]]\nkind = \"stall\"\nfor = \"20ms\"\nevery = 100\n\
                        [[rule]]\nkind = \"status\"\nvalue = 0x2000001a\n".to_owned();
        let at = at.min(text.len() - 1);
        text.replace_range(at..=at, &with);
        if let Ok(plan) = Plan::parse(&text) {
            for rule in &plan.rules {
                if let Err((problem, key)) = rule.fields.rule("x") {
                    let _ = rule.error(&problem, key.as_deref()).to_string();
                }
            }
        }
    }
}
