// The programs measured beside: POT, scikit-learn and PyTorch in Python, TensorFlow.js in the same browser. Installed here, on first use, from their registries.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const place = `${root}target/peers/`;

/** Runs a Python script beside this file with POT, scikit-learn and these packages at hand, on one thread; the JSON it prints. */
export function python(script, ...packages) {
  const interpreter = `${place}python/bin/python`;
  if (!existsSync(`${place}python/done`)) {
    execFileSync("python3", ["-m", "venv", `${place}python`]);
    execFileSync(interpreter, ["-m", "pip", "install", "--quiet", "pot==0.9.7.post1", "numpy", "scipy", "scikit-learn==1.7.2"], { stdio: "inherit" });
    writeFileSync(`${place}python/done`, "");
  }
  for (const name of packages.filter((name) => !existsSync(`${place}python/${name}`))) {
    execFileSync(interpreter, ["-m", "pip", "install", "--quiet", name], { stdio: "inherit" });
    writeFileSync(`${place}python/${name}`, "");
  }
  const env = { ...process.env, OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1" };
  delete env.OPENBLAS_CORETYPE;
  return JSON.parse(execFileSync(interpreter, [fileURLToPath(new URL(script, import.meta.url))], { env }));
}

/** Serves the pages beside this file with TensorFlow.js under /node_modules; {base, end()}. */
export async function tensorflow() {
  if (!existsSync(`${place}node_modules/@tensorflow/tfjs`)) {
    const packages = ["@tensorflow/tfjs@4.22.0", "@tensorflow/tfjs-backend-wasm@4.22.0"];
    execFileSync("npm", ["install", "--silent", "--no-audit", "--no-fund", "--no-save", "--prefix", place, ...packages], { stdio: "inherit" });
  }
  return pages();
}

/** Serves the pages beside this file; {base, end()}. */
export async function pages() {
  const types = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };
  const server = createServer((request, response) => {
    const file = request.url.startsWith("/node_modules/") ? place + request.url : root + "tests/bench" + request.url;
    if (!existsSync(file)) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": types[extname(file)] ?? "" }).end(readFileSync(file));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { base: `http://127.0.0.1:${server.address().port}/`, end: () => server.close() };
}
