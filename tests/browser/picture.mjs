// The README's picture: the explorer with an experiment that has run, two screens wide for sharp letters.

import { fileURLToPath } from "node:url";
import { raise } from "./stage.mjs";

const stage = await raise();
const context = { viewport: { width: 1360, height: 900 }, deviceScaleFactor: 1.5 };
const page = await stage.page("?experiment=trajectory&preset=bent+valley", { context });
await page.waitForTimeout(2500);
await page.screenshot({ path: fileURLToPath(new URL("../../www/screenshot.png", import.meta.url)) });
await stage.end();
