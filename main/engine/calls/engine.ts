import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { boundedText } from '../../contract/bounds.ts';
import { linkedFragment } from '../../contract/page-fragment.ts';
import type { SettingsDocument, UserSettings } from '../../contract/settings.ts';
import { readTextIfThere } from '../../files/regular-file.ts';
import { createTurns, writeFileAtomically } from '../../files/write-atomically.ts';
import { addSample, restoreSample, SAMPLE_RUN } from '../../sample/sample-run.ts';
import { defaultWorkspace, openWorkspace } from '../../workspace/open-workspace.ts';
import { changeSettings, readSettings } from '../../workspace/settings-file.ts';
import type { AnswersTo, EngineContext } from '../engine-context.ts';
import { defaultMemoryBudgetBytes, engineVersion, physicalCores } from '../machine.ts';

const FILE = 'view.json';
const MAX_BYTES = 65_536;

const keptView = z.object({ format: z.literal('uncurl-view'), address: boundedText });

/** The view last on screen, as the fragment of the page's address, so that a browser restores it on another port. */
interface KeptView {
  /** Null where no view is stored or none that the page can show. */
  read(): Promise<string | null>;
  write(address: string): Promise<void>;
}

export const createKeptView = (workspace: string, temporaryFolder: string): KeptView => {
  const file = join(workspace, FILE);
  const inTurn = createTurns();
  return {
    read: async () => {
      const text = await readTextIfThere(file, { mostBytes: MAX_BYTES });
      if (text === null) return null;
      try {
        return linkedFragment(keptView.parse(JSON.parse(text)).address);
      } catch (error) {
        // Only the view is lost; the next change writes it again.
        if (error instanceof SyntaxError || error instanceof z.ZodError) return null;
        throw error;
      }
    },
    write: (address) => {
      const text = `${JSON.stringify({ format: 'uncurl-view', address })}\n`;
      return inTurn(() => writeFileAtomically(file, text, temporaryFolder));
    },
  };
};

export const engineCalls = (context: EngineContext): AnswersTo<'engine' | 'sample' | 'settings' | 'view'> => {
  const documentOf = (settings: UserSettings): SettingsDocument => ({
    file: context.settingsFile,
    settings,
    inUse: {
      threads: context.device.threads,
      memoryBudgetBytes: context.memory.budgetBytes,
      device: context.provider,
      workspace: context.workspace.path,
    },
    usual: {
      threads: physicalCores(),
      memoryBudgetBytes: defaultMemoryBudgetBytes(),
      device: 'cpu',
      workspace: defaultWorkspace(),
    },
  });
  const kept = createKeptView(context.workspace.path, context.workspace.temporaryFolder);
  return {
    'engine.facts': () => ({
      version: engineVersion,
      machine: hostname(),
      workspace: context.workspace.path,
      versions: { ...context.devices.current.versions },
      device: context.device,
      memory: context.memory,
      sampleProblem:
        context.sampleProblem === null
          ? null
          : { message: context.sampleProblem.message, remedy: context.sampleProblem.remedy },
    }),
    'sample.add': async (_, signal) => {
      await addSample(context.workspace, context.resources, signal);
      await restoreSample(context);
      context.emit({ type: 'run.changed', manifest: await context.workspace.runs.read(SAMPLE_RUN) });
      return { run: SAMPLE_RUN };
    },
    'settings.read': async () => documentOf(await readSettings(context.settingsFile)),
    'settings.write': async ({ change, workspace }) => {
      const folder = workspace == null ? null : context.handles.resolve(workspace);
      // Opened now, so that an unusable folder is refused now rather than at the next start.
      const path = folder === null ? null : (await openWorkspace(folder, context.now)).path;
      const settings = await changeSettings(
        context.settingsFile,
        workspace === undefined ? change : { ...change, workspace: path },
      );
      context.emit({ type: 'settings.changed' });
      return documentOf(settings);
    },
    'view.kept': async () => ({ address: await kept.read() }),
    'view.keep': async ({ address }) => {
      await kept.write(address);
      return {};
    },
  };
};
