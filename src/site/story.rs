//! The story of an experiment: about five steps, each a setting of the page, a few sentences, and often a question that the run answers.
//!
//! It is the section `## Story` of a page text. A step is a heading that links to its settings, a paragraph, and, quoted, a question: its
//! options as a list, each with the conditions on measures under which it is the right one, and what is said once it is answered.
//!
//! ```text
//! ### [Two rates](?learning_rate=0.05&at=0)
//!
//! Both balls start on the left. [Adam](#Adam) takes long steps.
//!
//! > Who stays in the left valley?
//! >
//! > - only diffGrad `diffgrad_x < 0` `adam_x > 0`
//! > - both `adam_x < 0`
//! >
//! > Adam's step no longer reaches over the hill.
//! ```

use serde::Serialize;

use ground::error::{Error, Result};

/// A step of a story.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// What it is called.
    pub title: String,
    /// The settings of the page that it is told at, as a URL's query: `?preset=break-it&at=0`.
    pub state: String,
    /// What is told, as HTML.
    pub told: String,
    /// A question that the run at these settings answers.
    pub question: Option<Question>,
}

/// A question, to be answered before the run shows what comes out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Question {
    /// What is asked, as HTML.
    pub asked: String,
    /// What can be answered.
    pub options: Vec<Choice>,
    /// What is said once it is answered, as HTML: why.
    pub why: String,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Choice {
    /// In words.
    pub words: String,
    /// It is right if all of these hold at the end of the run.
    pub when: Vec<Condition>,
}

/// `left < right` or `left > right`; either side is a number, a measure, or a number times a measure: `2 * loss`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Condition(pub String, pub char, pub String);

impl Condition {
    fn read(text: &str) -> Result<Condition> {
        let place = text.find(['<', '>']).ok_or_else(|| Error::new(format!("`{text}`: is no condition like `measure < 0.5`")))?;
        let (left, rest) = text.split_at(place);
        let (sign, right) = rest.split_at(1);
        Ok(Condition(left.trim().into(), sign.chars().next().expect("one sign"), right.trim().into()))
    }

    /// Does it hold? `measure` gives the measure of a name.
    ///
    /// # Errors
    /// A side that is neither a number nor a measure.
    pub fn holds(&self, measure: &dyn Fn(&str) -> Option<f64>) -> Result<bool> {
        let factor = |text: &str| {
            let text = text.trim();
            text.parse().ok().or_else(|| measure(text)).ok_or_else(|| Error::new(format!("'{text}': no number and no measure")))
        };
        let side = |text: &str| text.split('*').map(factor).product::<Result<f64>>();
        let (left, right) = (side(&self.0)?, side(&self.2)?);
        Ok(if self.1 == '<' { left < right } else { left > right })
    }
}

/// Parts a page text into its story and the rest. `html` makes HTML of Markdown, `state` checks a query.
///
/// # Errors
/// A step without a link to its settings, a question without two options or without what is said after it; with its line.
pub fn part(
    markdown: &str,
    html: &dyn Fn(&str) -> Result<String>,
    state: &dyn Fn(&str) -> Result<()>,
) -> Result<(Vec<Step>, String)> {
    let Some(begin) = markdown.find("## Story\n").filter(|at| *at == 0 || markdown[..*at].ends_with('\n')) else {
        return Ok((Vec::new(), markdown.into()));
    };
    let body = &markdown[begin + "## Story\n".len()..];
    let end = body.find("\n## ").map_or(body.len(), |at| at + 1);
    let steps = body[..end].split("\n### ").skip(1).map(|text| step(text, html, state)).collect::<Result<_>>()?;
    Ok((steps, markdown[..begin].to_string() + &body[end..]))
}

fn step(text: &str, html: &dyn Fn(&str) -> Result<String>, state: &dyn Fn(&str) -> Result<()>) -> Result<Step> {
    let (heading, body) = text.split_once('\n').unwrap_or((text, ""));
    let wrong = |what: &str| Error::new(format!("step '{heading}': {what}"));
    let link = heading.strip_prefix('[').and_then(|rest| rest.strip_suffix(')')).and_then(|rest| rest.split_once("](?"));
    let (title, query) = link.ok_or_else(|| wrong("its heading is to be a link to its settings, [title](?…)"))?;
    let query = format!("?{query}");
    state(&query).map_err(|error| error.at(wrong("its settings")))?;
    let quoted = |line: &&str| line.starts_with('>');
    let told: Vec<_> = body.lines().take_while(|line| !quoted(line)).collect();
    let asked: Vec<_> = body.lines().filter(quoted).map(|line| line[1..].trim_start()).collect();
    let question =
        if asked.is_empty() { None } else { Some(question(&asked, html).map_err(|error| error.at(wrong("its question")))?) };
    Ok(Step { title: title.into(), state: query, told: html(&told.join("\n"))?, question })
}

fn question(lines: &[&str], html: &dyn Fn(&str) -> Result<String>) -> Result<Question> {
    fn option(line: &&str) -> bool {
        line.starts_with("- ")
    }
    let first = lines.iter().position(option).ok_or_else(|| Error::new("has no options"))?;
    let last = lines.iter().rposition(option).unwrap_or(first);
    let options =
        lines[first..=last].iter().filter_map(|line| line.strip_prefix("- ")).map(choice).collect::<Result<Vec<_>>>()?;
    let (asked, why) = (html(&lines[..first].join("\n"))?, html(&lines[last + 1..].join("\n"))?);
    match options.len() < 2 || why.is_empty() || asked.is_empty() {
        true => Err(Error::new("it needs what is asked, two options, and what is said after it")),
        false => Ok(Question { asked, options, why }),
    }
}

fn choice(line: &str) -> Result<Choice> {
    let mut parts = line.split('`');
    let words = parts.next().unwrap_or_default().trim().to_string();
    let when: Vec<_> = parts.step_by(2).map(Condition::read).collect::<Result<_>>()?;
    match when.is_empty() {
        true => Err(Error::new(format!("option '{words}': has no condition"))),
        false => Ok(Choice { words, when }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "## What you see\n\nBalls.\n\n## Story\n\n### [Two rates](?rate=1&at=0)\n\nBoth start.\nThen they roll.\n\n> Who?\n>\n> - one `a < 2 * b` `a > 0`\n> - both `a > 2 * b`\n>\n> That is why.\n\n### [Next](?rate=2)\n\nDone.\n\n## Equations\n\n$x$\n";

    fn read(text: &str) -> Result<(Vec<Step>, String)> {
        part(text, &|markdown| Ok(markdown.trim().to_string()), &|query| match query.contains("rate") {
            true => Ok(()),
            false => Err(Error::new("no such control")),
        })
    }

    #[test]
    fn a_story_is_parted_from_the_text() {
        let (steps, rest) = read(TEXT).unwrap();
        assert_eq!(rest, "## What you see\n\nBalls.\n\n## Equations\n\n$x$\n");
        let titles: Vec<_> = steps.iter().map(|step| (&*step.title, &*step.state, &*step.told)).collect();
        assert_eq!(titles, [("Two rates", "?rate=1&at=0", "Both start.\nThen they roll."), ("Next", "?rate=2", "Done.")]);
        let question = steps[0].question.as_ref().unwrap();
        assert_eq!((&*question.asked, &*question.why, question.options.len()), ("Who?", "That is why.", 2));
        assert_eq!(question.options[0].words, "one");
        let right = |a: f64, b: f64| {
            let measure = |name: &str| Some(if name == "a" { a } else { b });
            question.options.iter().map(|option| option.when.iter().all(|when| when.holds(&measure).unwrap())).collect::<Vec<_>>()
        };
        assert_eq!([right(1.0, 1.0), right(3.0, 1.0), right(-1.0, 1.0)], [[true, false], [false, true], [false, false]]);
        assert!(question.options[0].when[0].holds(&|_| None).is_err());
        assert_eq!(read("no story").unwrap(), (Vec::new(), "no story".into()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |from: &str, to: &str| read(&TEXT.replace(from, to)).unwrap_err().to_string();
        assert!(error("[Next](?rate=2)", "Next").starts_with("step 'Next': its heading"));
        assert!(error("rate=1&at=0", "speed=1").contains("no such control"));
        assert!(error(" `a > 2 * b`", "").contains("option 'both': has no condition"));
        assert!(error("`a > 2 * b`", "`a = b`").contains("`a = b`: is no condition"));
        assert!(error("> - both `a > 2 * b`\n", "").contains("two options"));
        assert!(error("> That is why.", ">").contains("what is said after it"));
    }
}
