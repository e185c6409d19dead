// Bundles the named parts of dist/ (build.mjs calls this with Node 24 when they are stale).
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build as bundle } from 'esbuild';
import { build as buildRenderer } from 'vite';
import { root } from './setup.mjs';

/**
 * Keeps each module's `import.meta.url` (dirname, filename) in a bundle: that of main/x/y.ts stays that file's, so that
 * a path such as ../../resources is found from dist/ as from the sources, also inside an asar.
 */
const keepModulePaths = {
  name: 'keep-module-paths',
  setup(build) {
    build.onLoad({ filter: /[\\/](?:main|electron)[\\/].*\.ts$/ }, ({ path: file }) => {
      const parts = path.relative(root, file).split(path.sep);
      if (parts[0] === '..' || parts.includes('node_modules')) return undefined;
      const source = readFileSync(file, 'utf8');
      if (!source.includes('import.meta.')) return { contents: source, loader: 'ts' };
      const filename =
        `require('node:path').join(__dirname, '..', ` + `${parts.map((name) => JSON.stringify(name)).join(', ')})`;
      const contents = source
        .replaceAll('import.meta.url', `require('node:url').pathToFileURL(${filename}).href`)
        .replaceAll('import.meta.filename', filename)
        .replaceAll('import.meta.dirname', `require('node:path').dirname(${filename})`);
      return { contents, loader: 'ts' };
    });
  },
};

const shellOptions = {
  absWorkingDir: root,
  outdir: path.join(root, 'dist'),
  outExtension: { '.js': '.cjs' },
  write: false,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  // Native code stays a package; ws probes for its two optional accelerators, which are not installed.
  external: ['electron', 'onnxruntime-node', 'bufferutil', 'utf-8-validate'],
  plugins: [keepModulePaths],
  // Lazy parts stay lazy, but `import()` of a package becomes `require`, which alone can read Electron's archive.
  supported: { 'dynamic-import': false },
  metafile: true,
  sourcemap: true,
  sourcesContent: false,
  legalComments: 'linked',
  logLevel: 'warning',
};

/** Replaces a file atomically: another process may be starting from dist/ at this moment. */
const writeWhole = (file, contents, mode) => {
  mkdirSync(path.dirname(file), { recursive: true });
  const partial = `${file}.${process.pid}`;
  writeFileSync(partial, contents, { mode });
  renameSync(partial, file);
};

/** Folders (`node_modules/NAME`, `node_modules/A/node_modules/B`) of the packages that the files belong to, sorted. */
const packageFolders = (files) => {
  const folders = files.map((file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file)?.[0]);
  return [...new Set(folders.filter((folder) => folder !== undefined))].sort();
};

/** Records the packages in a part of dist/, whose licences are shipped with it (licences.mjs). */
const notePackages = (part, files) =>
  writeWhole(path.join(root, 'dist', `${part}.packages.json`), JSON.stringify(packageFolders(files), null, 2), 0o644);

/** The release has Node 24. Windows are tested in Electron 25, whose Node 18 runs the shell but not the engine. */
const engineTarget = 'node24';
const shellTarget = 'node18';

const programOptions = {
  ...shellOptions,
  // For packages that use their own address; this project's modules are handled above.
  define: { 'import.meta.url': 'bundleUrl' },
  banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
};

/** The minimum in `engines` of package.json, such as ">=24". */
const leastNode = Number(
  /^>=(\d+)$/.exec(JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).engines.node)[1],
);

/**
 * Runs before anything of the command line is loaded. Older Nodes lack features, some of which would only be needed
 * when results are written. Uses syntax that every Node can parse.
 */
const requireNode = `if (Number(process.versions.node.split('.')[0]) < ${leastNode}) {
  process.stderr.write('uncurl needs Node ${leastNode} or later, and this is Node ' + process.versions.node + ' (' +
    process.execPath + '). Install a newer Node, or start it as: /path/to/node ' + __filename + '\\n');
  process.exit(2);
}`;

const bundleShell = async () => {
  const bundles = [
    // A sandboxed preload script can only require electron, so it gets no banner.
    await bundle({ ...shellOptions, target: shellTarget, entryPoints: { preload: 'electron/preload.ts' } }),
    await bundle({ ...programOptions, target: shellTarget, entryPoints: { main: 'electron/main.ts' } }),
    await bundle({
      ...programOptions,
      target: engineTarget,
      entryPoints: {
        'utility-process': 'main/hosts/utility-process.ts',
        'provider-probe': 'main/hosts/provider-probe.ts',
        'compute-process': 'main/hosts/compute-process.ts',
        'line-process': 'main/hosts/line-process.ts',
        'parquet-worker': 'main/hosts/parquet-worker.ts',
        'chat-worker': 'main/hosts/chat-worker.ts',
        'run-reader': 'main/hosts/run-reader.ts',
      },
    }),
    await bundle({
      ...programOptions,
      banner: { js: `${requireNode}\n${programOptions.banner.js}` },
      target: engineTarget,
      entryPoints: { uncurl: 'main/cli/uncurl.ts' },
    }),
  ];
  const outputs = bundles.flatMap(({ metafile }) => Object.values(metafile.outputs));
  const sources = outputs.flatMap(({ inputs }) => Object.keys(inputs).filter((file) => inputs[file].bytesInOutput > 0));
  notePackages('shell', sources);
  for (const { path: file, contents } of bundles.flatMap(({ outputFiles }) => outputFiles)) {
    writeWhole(file, contents, path.basename(file) === 'uncurl.cjs' ? 0o755 : 0o644);
  }
};

/** Rollup marks a plugin's module by a leading `\0`; its query is a variant of the same file. */
const fileOfModule = (id) => path.relative(root, id.replace(/^\0/, '').replace(/\?.*$/, '')).split(path.sep).join('/');

const bundleRenderer = async () => {
  const page = path.join(root, 'dist', 'renderer');
  const outDir = `${page}.${process.pid}`;
  const modules = [];
  const collectModules = {
    name: 'collect-modules',
    generateBundle: (_options, bundle) => {
      for (const { moduleIds = [] } of Object.values(bundle)) modules.push(...moduleIds);
    },
  };
  const settings = { configFile: path.join(root, 'vite.config.ts'), logLevel: 'warn' };
  await buildRenderer({ ...settings, plugins: [collectModules], build: { outDir } });
  notePackages('renderer', modules.map(fileOfModule));
  const previous = `${outDir}.previous`;
  if (existsSync(page)) renameSync(page, previous);
  renameSync(outDir, page);
  rmSync(previous, { recursive: true, force: true });
};

const makers = { shell: bundleShell, renderer: bundleRenderer };

await Promise.all(process.argv.slice(2).map((part) => makers[part]()));
