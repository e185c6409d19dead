import type { ModelEntry } from '../../../main/contract/model.ts';
import type { Engine } from '../../engine/engine-context.tsx';
import { selectionStore } from '../../state/selection-store.ts';
import { chooseFolder } from '../folders/choose-folder.ts';

/** Asks where a moved model lies now; the engine refuses a folder that holds another one. */
export const locateModel = async ({ bridge, cache }: Engine, model: ModelEntry): Promise<void> => {
  const folder = await chooseFolder(bridge, 'model');
  if (folder === null) return;
  const located = await bridge.call('models.locate', { handle: model.handle, at: folder.handle });
  cache.invalidate((name) => name === 'models.list');
  selectionStore.getState().selectModel(located.handle);
};
