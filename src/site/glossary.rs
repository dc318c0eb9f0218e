//! Terms that the pages use, each in a sentence: shown where a text sets one of them in italics.

use super::text::attribute;

/// A list item a term: `- **term** | other forms, parted by commas | a sentence | the experiment that shows it, or nothing`.
const LIST: &str = include_str!("glossary.md");

/// What a term means, in a sentence, and the experiment that shows it, if one does.
pub fn find(term: &str) -> Option<(&'static str, &'static str)> {
    let term = term.to_lowercase();
    terms().find(|(forms, ..)| forms.contains(&term)).map(|(_, told, slug)| (told, slug))
}

/// Every term: its forms in small letters, what it means, the experiment that shows it.
fn terms() -> impl Iterator<Item = (Vec<String>, &'static str, &'static str)> {
    LIST.lines().filter_map(|line| {
        let mut parts = line.strip_prefix("- **")?.split('|').map(str::trim);
        let term = parts.next()?.trim_end_matches("**").to_lowercase();
        let others = parts.next()?.split(',').map(|form| form.trim().to_lowercase()).filter(|form| !form.is_empty());
        Some(([term].into_iter().chain(others).collect(), parts.next()?, parts.next().unwrap_or_default()))
    })
}

/// `html` with every emphasised term of the glossary told on hover and focus.
pub fn tell(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some((before, emphasised)) = rest.split_once("<em>") {
        let Some((term, after)) = emphasised.split_once("</em>") else { break };
        out += before;
        out += &match find(term) {
            Some((told, _)) => {
                let told = attribute(told);
                format!("<dfn tabindex=\"0\" data-told=\"{told}\" aria-description=\"{told}\">{term}</dfn>")
            }
            None => format!("<em>{term}</em>"),
        };
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    #[test]
    fn terms_are_told_once_and_shortly() {
        let mut seen = Vec::new();
        for (forms, told, slug) in terms() {
            assert!((4..=30).contains(&told.split_whitespace().count()), "{forms:?}: {told}");
            assert!(told.ends_with('.'), "{told}");
            assert!(slug.is_empty() || catalogue::find(slug).is_ok(), "{forms:?}: no experiment '{slug}'");
            for form in forms {
                assert!(!seen.contains(&form), "{form}: twice");
                seen.push(form);
            }
        }
        assert!(seen.len() >= 60);
    }

    #[test]
    fn an_emphasised_term_is_told() {
        let (told, _) = find("sharpness").expect("a term of the glossary");
        let html = tell("<p>The <em>Sharpness</em> of <em>something else</em>.</p>");
        assert!(html.contains(&format!("data-told=\"{}\"", attribute(told))) && html.contains(">Sharpness</dfn>"), "{html}");
        assert!(html.ends_with("of <em>something else</em>.</p>"), "{html}");
    }
}
