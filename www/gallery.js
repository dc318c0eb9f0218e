// Every kind of view there is.

import { samples } from "./page.js";
import { h, icon } from "./dom.js";
import { Panel } from "./panel.js";
import { toggle } from "./theme.js";
import { start } from "./modules.js";

const main = document.querySelector("main");
document.querySelector("#theme").append(icon("light"));
document.querySelector("#theme").addEventListener("click", toggle);

try {
  await start();
  const views = h("div", { class: "views gallery" });
  main.append(views);
  for (const { title, bytes } of samples()) {
    const panel = new Panel();
    panel.dataset.id = title;
    panel.name({ title, look: "", file: title.replaceAll(" ", "-"), expandable: false });
    views.append(panel);
    panel.show(bytes);
    panel.describe();
  }
  document.documentElement.dataset.run = "over";
} catch (error) {
  main.append(h("p", { class: "error", role: "alert" }, error.message));
}
