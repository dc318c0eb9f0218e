// An experiment as a unit of a learning platform (SCORM 1.2): completed when the reader has come to the end of its story, scored by how many
// of the story's questions were answered rightly at the first try.

/** How far up the frames the platform is looked for, as the standard says. */
const FRAMES = 7;

const frame = document.createElement("iframe");
const parameters = new URLSearchParams(location.search);
if (!parameters.has("ui")) parameters.set("ui", "title,sentence,story,player,controls,claim,link");
const page = new URL("embed.html?" + parameters, import.meta.url);
frame.src = page.href;
frame.title = "Experiment";
document.body.append(frame);

const platform = find();
platform?.LMSInitialize("");
/** The first answer to each question, by step. */
const first = new Map();
let finished = false;

addEventListener("message", ({ source, origin, data }) => {
  if (source !== frame.contentWindow || origin !== page.origin || data?.orrery !== 1) return;
  if (data.type === "answer" && !first.has(data.step)) first.set(data.step, data.answer === data.right);
  else if (data.type === "step") finished ||= data.step === data.of;
  else return;
  tell(data.questions);
});
addEventListener("pagehide", () => platform?.LMSFinish(""));

let questions = 0;
function tell(count) {
  questions = count ?? questions;
  if (!platform) return;
  const right = [...first.values()].filter(Boolean).length;
  const set = (name, value) => platform.LMSSetValue(name, String(value));
  set("cmi.core.score.min", 0);
  set("cmi.core.score.max", 100);
  if (questions > 0) set("cmi.core.score.raw", Math.round((100 * right) / questions));
  set("cmi.core.lesson_status", finished ? "completed" : "incomplete");
  platform.LMSCommit("");
}

/** The platform's own object, which it puts into a window above this one, or into the one that opened it. */
function find() {
  for (let [above, left] = [window, FRAMES]; left > 0; left -= 1) {
    try {
      if (above.API) return above.API;
      if (above.opener?.API) return above.opener.API;
    } catch {
      // A window of another origin has none for us.
    }
    if (above.parent === above) return null;
    above = above.parent;
  }
  return null;
}
