import path from 'node:path';
import ts from 'typescript';

/** A source file (path from the root, with `/`) and its text. */
export type Sources = ReadonlyMap<string, string>;

export interface Import {
  readonly from: string;
  readonly specifier: string;
  /** File that a relative import names; null for a package. */
  readonly file: string | null;
}

/** Every import, export-from, `import()` and `require()` of the sources, types included, in file order. */
export const importsOf = (sources: Sources): readonly Import[] =>
  [...sources].flatMap(([from, text]) =>
    ts.preProcessFile(text, true, true).importedFiles.map(({ fileName: specifier }) => ({
      from,
      specifier,
      file: specifier.startsWith('.') ? path.posix.join(path.posix.dirname(from), specifier) : null,
    })),
  );

const within = (file: string | null, ...folders: readonly string[]): boolean =>
  file !== null && folders.some((folder) => file.startsWith(`${folder}/`));

const isPackage = (specifier: string, ...names: readonly string[]): boolean =>
  names.some((name) => specifier === name || specifier.startsWith(`${name}/`));

interface Layer {
  readonly folder: string;
  readonly rule: string;
  readonly allows: (entry: Import) => boolean;
}

/** What the window may import of the engine's side: pure code that knows neither files nor processes. */
const RING = ['main/contract', 'main/statistics', 'main/evaluation', 'main/figures'];

/** Innermost first: main/contract and the ring have rules of their own beside that of main. */
const LAYERS: readonly Layer[] = [
  {
    folder: 'main/contract',
    rule: 'the contract imports nothing but the contract and zod',
    allows: ({ file, specifier }) => within(file, 'main/contract') || specifier === 'zod',
  },
  ...RING.map((folder) => ({
    folder,
    rule: 'the ring that both sides import imports nothing but the ring and packages that run anywhere',
    allows: ({ file, specifier }: Import) => (file === null ? !specifier.startsWith('node:') : within(file, ...RING)),
  })),
  {
    folder: 'main',
    rule: 'the engine imports nothing of the shell or the window, nor electron, nor react',
    allows: ({ file, specifier }) =>
      file === null
        ? !isPackage(specifier, 'electron', 'react', 'react-dom')
        : within(file, 'main') || file === 'package.json', // for its version
  },
  {
    folder: 'electron',
    rule: 'the shell imports nothing but the shell and the contract',
    allows: ({ file, specifier }) =>
      file === null ? !isPackage(specifier, 'react', 'react-dom') : within(file, 'electron', 'main/contract'),
  },
  {
    folder: 'renderer',
    rule: 'the window imports nothing but the window and the ring, and no Node',
    allows: ({ file, specifier }) =>
      file === null
        ? !isPackage(specifier, 'electron') && !specifier.startsWith('node:')
        : within(file, 'renderer', ...RING),
  },
];

/** Imports that point the wrong way, one line each. */
export const layerBreaches = (sources: Sources): readonly string[] =>
  importsOf(sources).flatMap((entry) =>
    LAYERS.filter((layer) => within(entry.from, layer.folder) && !layer.allows(entry)).map(
      ({ rule }) => `${entry.from} imports ${entry.specifier}: ${rule}`,
    ),
  );

/** Relative imports that name no file of the sources (styles and pictures aside). */
export const missingFiles = (sources: Sources): readonly string[] =>
  importsOf(sources)
    .filter(({ file }) => file !== null && /\.tsx?$/.test(file) && !sources.has(file))
    .map(({ from, specifier }) => `${from} imports ${specifier}, which is not there`);

/** Cycles of imports among the files of a folder, each as `a -> b -> a`; an import of types alone counts too. */
export const cyclesWithin = (sources: Sources, folder: string): readonly string[] => {
  const edges = new Map<string, string[]>();
  for (const { from, file } of importsOf(sources)) {
    if (within(from, folder) && within(file, folder)) edges.set(from, [...(edges.get(from) ?? []), file ?? '']);
  }
  const cycles: string[] = [];
  const finished = new Set<string>();
  const visit = (file: string, trail: readonly string[]): void => {
    const start = trail.indexOf(file);
    if (start >= 0) cycles.push([...trail.slice(start), file].join(' -> '));
    if (start >= 0 || finished.has(file)) return;
    for (const next of edges.get(file) ?? []) visit(next, [...trail, file]);
    finished.add(file);
  };
  for (const file of [...edges.keys()].sort()) visit(file, []);
  return cycles;
};
