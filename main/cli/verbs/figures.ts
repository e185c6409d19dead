import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { openCheckpoint } from '../../checkpoint/open-checkpoint.ts';
import { experimentDocument } from '../../evaluation/experiment/document.ts';
import { experimentFiles } from '../../figures/experiment-tables.ts';
import { type FigureFile, figures as drawFigures } from '../../figures/figures.ts';
import type { ThemeName } from '../../figures/colors.ts';
import { explainFileError } from '../../files/file-errors.ts';
import { temporaryNameFor } from '../../files/write-atomically.ts';
import { requireExperimentRecord } from '../../runs/experiment-record.ts';
import { readFigureSource } from '../../runs/read-figure-source.ts';
import { readRecordedTrainings } from '../../runs/read-run.ts';
import { bundledModels } from '../../workspace/library.ts';
import { openExistingWorkspace, type Workspace } from '../../workspace/open-workspace.ts';
import { outFolder } from '../files.ts';
import { optionReader } from '../option-values.ts';
import { findRun, WORKSPACE_OPTION } from '../subjects.ts';
import type { Verb } from '../verb.ts';

const filesOf = async (
  workspace: Workspace,
  run: string,
  resources: string,
  theme: ThemeName,
): Promise<readonly FigureFile[]> => {
  const manifest = await workspace.runs.read(run);
  if (manifest.kind === 'experiment') {
    const record = await requireExperimentRecord(workspace.runs.folder(run), manifest);
    return experimentFiles(experimentDocument(record), manifest, theme);
  }
  const source = await readFigureSource(workspace, run, {
    folders: [...(await bundledModels(resources)).values()],
    open: openCheckpoint,
    recorded: () => readRecordedTrainings(resources),
  });
  return drawFigures(source, theme);
};

export const figures: Verb = {
  name: 'figures',
  usage: 'RUN --out DIR [--workspace DIR]',
  summary: 'Heatmaps, curves, thresholds and findings of a run as SVG, PNG and CSV, with the manifest inside.',
  positionals: [1, 1],
  options: {
    out: { type: 'string', value: 'DIR', help: 'Folder to make; it must not exist.' },
    theme: { type: 'string', value: 'NAME', help: 'light (default) or dark.' },
    ...WORKSPACE_OPTION,
  },
  run: async (given, host) => {
    const reader = optionReader(given);
    const out = outFolder(reader);
    const { workspace, run } = findRun(given.positionals[0] ?? '', reader, host);
    const opened = await openExistingWorkspace(workspace);
    const theme = reader.choice('theme', ['light', 'dark']) ?? 'light';
    const files = await filesOf(opened, run, host.resources, theme);
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
      document: { out, run, files: files.map(({ name }) => name) },
      text: [
        `${String(files.length)} files written to ${basename(out)}:`,
        ...files.map(({ name }) => `- ${name}`),
      ].join('\n'),
    };
  },
};
