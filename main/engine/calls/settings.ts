import type { SettingsDocument, UserSettings } from '../../contract/settings.ts';
import { createKeptView } from '../../workspace/kept-view.ts';
import { defaultWorkspace, openWorkspace } from '../../workspace/open-workspace.ts';
import { changeSettings, readSettings } from '../../workspace/settings-file.ts';
import type { AnswersTo, EngineContext } from '../engine-context.ts';
import { defaultMemoryBudgetBytes, physicalCores } from '../machine.ts';

export const settingsCalls = (context: EngineContext): AnswersTo<'settings' | 'view'> => {
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
