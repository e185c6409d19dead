import { useStore } from 'zustand';
import type { ModelEntry } from '../../../main/contract/model.ts';
import { useAction } from '../../actions/action.ts';
import { findModel, locateModel, openModel } from '../../actions/open.ts';
import { IconButton, RowButton } from '../../components/button.tsx';
import { Definition } from '../../components/definition.tsx';
import { Panel } from '../../components/panel.tsx';
import { Problem } from '../../components/problem.tsx';
import { useInView } from '../../components/use-in-view.ts';
import { useQuery, useRequest } from '../../engine/engine-context.tsx';
import { formatParameters } from '../../../main/words/numbers.ts';
import { changedWords } from '../../format/record-words.ts';
import { layoutStore } from '../../state/layout-store.ts';
import { selectionStore } from '../../state/selection-store.ts';

const summary = (model: ModelEntry): string => {
  if (model.missing !== undefined) return 'moved or deleted';
  if (model.info === null) return 'cannot be opened';
  if (model.changed !== undefined) return changedWords(model.changed);
  const { family, experts, topK, moeLayers, parameters } = model.info;
  return `${family} · ${moeLayers} × ${experts}, top-${topK} · ${formatParameters(parameters.total)}`;
};

export const ModelsPanel = () => {
  const share = useStore(layoutStore, ({ listShares }) => listShares.models);
  const models = useQuery('models.list', {});
  const open = useAction(openModel);
  const find = useAction(findModel);
  return (
    <Panel
      title="Models"
      share={share}
      tools={
        <>
          <IconButton icon="search" label="Open a model" onClick={find.perform} disabled={!find.enabled} />
          <IconButton icon="plus" label="Open model folder" onClick={open.perform} disabled={!open.enabled} />
        </>
      }
    >
      {models.error !== null && <Problem error={models.error} />}
      {models.data?.length === 0 && <p className="panel-empty">No model yet. Open a Hugging Face folder with +.</p>}
      {/* The note scrolls with the list, of which a low window shows little. */}
      <div className="rows-scrolled">
        <ul className="rows" aria-label="Models">
          {models.data?.map((model) => (
            <ModelRow key={model.handle} model={model} />
          ))}
        </ul>
        {models.data?.some(({ bundled }) => bundled) === true && (
          <p className="panel-note muted">
            <Definition of="bundledModels">switch-*, uncurl-* and wordy-16</Definition> are small models that come with
            the workbench.
          </p>
        )}
      </div>
    </Panel>
  );
};

const ModelRow = ({ model }: { readonly model: ModelEntry }) => {
  const selected = useStore(selectionStore, (state) => state.model === model.handle);
  const { busy, start } = useRequest();
  const wrong = model.error !== null || model.info?.supported !== true || model.changed !== undefined;
  const line = useInView<HTMLLIElement>(selected ? model.handle : null);
  return (
    <li ref={line} className="row" aria-current={selected ? 'true' : undefined}>
      <RowButton
        icon={wrong ? 'warning' : 'model'}
        name={model.name}
        note={summary(model)}
        title={model.path}
        onClick={() => selectionStore.getState().showModel(model.handle)}
      />
      {!model.bundled && (
        <div className="row-tools">
          {model.missing !== undefined && (
            <IconButton
              icon="folder"
              label={`Locate ${model.name}`}
              disabled={busy}
              onClick={() => start((engine) => locateModel(engine, model))}
            />
          )}
          <IconButton
            icon="close"
            label={`Forget ${model.name} (keeps the folder)`}
            disabled={busy}
            onClick={() =>
              start(async ({ bridge, cache }) => {
                await bridge.call('models.forget', { handle: model.handle });
                cache.invalidate((name) => name === 'models.list');
              })
            }
          />
        </div>
      )}
    </li>
  );
};
