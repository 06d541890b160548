// Parses every Dart file below the folders of the command line; a line for each syntax error.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { Language, Parser } from "web-tree-sitter";

const grammar = createRequire(import.meta.url).resolve("tree-sitter-wasms/out/tree-sitter-dart.wasm");
await Parser.init();
const parser = new Parser();
parser.setLanguage(await Language.load(grammar));

function filesBelow(path) {
  if (!statSync(path).isDirectory()) return path.endsWith(".dart") ? [path] : [];
  return readdirSync(path).flatMap((name) => filesBelow(`${path}/${name}`));
}

function* errorsIn(node) {
  if (node.isError || node.isMissing) yield node;
  else if (node.hasError) for (const child of node.children) yield* errorsIn(child);
}

let files = 0;
for (const path of process.argv.slice(2).flatMap(filesBelow)) {
  files += 1;
  for (const node of errorsIn(parser.parse(readFileSync(path, "utf8")).rootNode)) {
    console.error(`${path}:${node.startPosition.row + 1}: ${JSON.stringify(node.text.slice(0, 60))}`);
    process.exitCode = 1;
  }
}
console.log(`${files} Dart files parsed`);
if (files === 0) process.exitCode = 1;
