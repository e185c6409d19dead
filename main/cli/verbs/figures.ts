import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { deflateSync } from 'node:zlib';
import type { RunProvenance } from '../../contract/provenance.ts';
import { checkNotes } from '../../words/verdicts.ts';
import { experimentFiles } from '../../figures/experiment-tables.ts';
import { type FigureFile, figures as drawFigures } from '../../figures/figures.ts';
import type { ThemeName } from '../../figures/colors.ts';
import { explainFileError } from '../../files/file-errors.ts';
import { temporaryNameFor } from '../../files/write-atomically.ts';
import { openExistingWorkspace } from '../../workspace/open-workspace.ts';
import { outFolder } from '../files.ts';
import { valueOption, type Verb, type VerbHost } from '../verb.ts';
import { findRun, withReader, WORKSPACE_OPTION } from '../subjects.ts';

/** The figures, and a warning where the run's files were edited. */
interface Drawn {
  readonly files: readonly FigureFile[];
  readonly notes: readonly string[];
  readonly provenance: RunProvenance | undefined;
}

const draw = (workspace: string, run: string, host: VerbHost, theme: ThemeName): Promise<Drawn> =>
  withReader(host, workspace, async (runs) => {
    const manifest = await (await openExistingWorkspace(workspace)).runs.read(run);
    if (manifest.kind === 'experiment') {
      const document = await runs.read({ read: 'experiment', run });
      const { provenance } = document;
      const vouched = provenance === undefined ? manifest : { ...manifest, provenance };
      return { files: experimentFiles(document, vouched, theme), notes: [], provenance };
    }
    const source = await runs.read({ read: 'figures', run });
    const deflate = (bytes: Uint8Array): Uint8Array => deflateSync(bytes, { level: 9 });
    return {
      files: drawFigures({ ...source, deflate }, theme),
      notes: source.document === null ? [] : checkNotes(source.document),
      provenance: source.manifest.provenance,
    };
  });

export const figures: Verb = {
  name: 'figures',
  usage: 'RUN --out DIR [--workspace DIR]',
  summary: 'Heatmaps, curves, thresholds and findings of a run as SVG, PNG and CSV, and its manifest.',
  positionals: [1, 1],
  options: {
    out: valueOption('DIR', 'Folder to make; it must not exist.'),
    theme: valueOption('NAME', 'light (default) or dark.'),
    ...WORKSPACE_OPTION,
  },
  run: async (reader, host) => {
    const out = outFolder(reader);
    const { workspace, run } = findRun(reader.argument(0), reader, host);
    const theme = reader.choice('theme', ['light', 'dark']) ?? 'light';
    const { files, notes, provenance } = await draw(workspace, run, host, theme);
    const unfinished = temporaryNameFor(out, dirname(out));
    try {
      await mkdir(unfinished);
      for (const { name, contents } of files) await writeFile(join(unfinished, name), contents);
      await rename(unfinished, out);
    } catch (error) {
      await rm(unfinished, { recursive: true, force: true });
      throw explainFileError(error, out);
    }
    return {
      document: { out, run, files: files.map(({ name }) => name), notes, provenance },
      text: [
        ...notes,
        `${files.length} files written to ${basename(out)}:`,
        ...files.map(({ name }) => `- ${name}`),
      ].join('\n'),
    };
  },
};
