/**
 * Runs a bundled victim with V8's code for it, or, with `--make-cache` before the victim's own
 * parameters, without, and keeps the code of all functions that had run by SIGTERM. Node 20 has no
 * `module.enableCompileCache`.
 */
const fs = require('node:fs');
const path = require('node:path');
const process = require('node:process');
const vm = require('node:vm');

const [, , file, option] = process.argv;
const isMaking = option === '--make-cache';
const cache = `${file}.cache`;
const source = fs.readFileSync(file, 'utf8');
const script = new vm.Script(
  `(function (exports, require, module, __filename, __dirname) {${source}\n})`,
  { filename: file, cachedData: isMaking ? undefined : fs.readFileSync(cache) },
);
if (script.cachedDataRejected) throw new Error(`${cache} is of another version of Node`);
const module_ = { exports: {} };
script.runInThisContext()(module_.exports, require, module_, file, path.dirname(file));
if (isMaking) {
  process.once('SIGTERM', () => {
    fs.writeFileSync(cache, script.createCachedData());
    process.exit();
  });
}
