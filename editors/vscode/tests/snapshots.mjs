// Tokenises every example of the project and compares with what is kept in `tests/snapshots`.
// `UPDATE_EXPECTED=1 npm test` writes them anew. Examples are discovered, never listed.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const examples = join(here, "..", "..", "..", "examples");
const snapshots = join(here, "snapshots");
mkdirSync(snapshots, { recursive: true });

function sources(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return entry.name.endsWith(".zd") ? [path] : [];
  });
}

const copies = sources(examples).sort().map((source) => {
  const copy = join(snapshots, relative(examples, source).split(sep).join("-"));
  copyFileSync(source, copy);
  return copy;
});
if (copies.length === 0) throw new Error("there are no examples");

const update = process.env.UPDATE_EXPECTED ? ["--updateSnapshot"] : [];
const program = join(here, "..", "node_modules", ".bin", "vscode-tmgrammar-snap");
execFileSync(program, [...update, ...copies], { cwd: join(here, ".."), stdio: "inherit" });
console.log(`${copies.length} examples highlight as kept`);
