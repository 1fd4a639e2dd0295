// Runs a WebAssembly program, such as a test of Rust's target wasm32-wasip1, under Node.js:
//
//     node run.mjs PROGRAM.wasm [ARGUMENT ...]
//
// It sees this machine's files and environment. The exit code is the program's.
import { readFile } from 'node:fs/promises';
import process, { argv, env } from 'node:process';
import { WASI } from 'node:wasi';

const [, , program, ...rest] = argv;
const wasi = new WASI({ version: 'preview1', args: [program, ...rest], env, preopens: { '/': '/' } });
const module = await WebAssembly.compile(await readFile(program));
const instance = await WebAssembly.instantiate(module, wasi.getImportObject());
process.exitCode = wasi.start(instance);
