import { useStore } from 'zustand';
import { type ModelEntry, shortHash } from '../../../main/contract/model.ts';
import { ActionButton } from '../../actions/action-button.tsx';
import { showFinetune } from '../../actions/view.ts';
import { locateModel } from '../../actions/open.ts';
import { RequestButton } from '../../components/button.tsx';
import { fact, FactList, plainFact } from '../../components/data-table.tsx';
import { Problem } from '../../components/problem.tsx';
import { useQuery } from '../../engine/engine-context.tsx';
import { formatBytes, formatCount, formatParameters } from '../../../main/words/numbers.ts';
import { runsInTorch, runsWithin } from '../../../main/words/memory.ts';
import { changedSentence } from '../../format/record-words.ts';
import { selectionStore } from '../../state/selection-store.ts';

/** Facts of a model that are known without loading its weights. */
export const ModelFacts = ({ model }: { readonly model: ModelEntry }) => {
  const engine = useQuery('engine.facts', {}).data;
  const chat = useStore(selectionStore, ({ plan }) => plan.chat);
  const { info } = model;
  if (model.missing !== undefined) return <MissingModel model={model} />;
  if (info === null) {
    return (
      <Problem error={{ message: model.error ?? 'The folder cannot be opened.', remedy: `Folder: ${model.path}` }} />
    );
  }
  return (
    <>
      {model.error !== null && <Problem error={{ message: model.error, remedy: `Folder: ${model.path}` }} />}
      {model.changed !== undefined && (
        <Problem
          error={{
            message: changedSentence(model.changed, model.fingerprint),
            remedy: 'Its profiles and curves belong to the earlier model: measure again, or restore that model.',
          }}
        />
      )}
      {info.reasons.map((reason) => (
        <Problem key={reason} error={{ message: reason, remedy: '' }} />
      ))}
      <FactList
        facts={[
          plainFact('Family', info.family),
          fact(
            'layers',
            info.layers === info.moeLayers ? info.layers : `${info.layers}, ${info.moeLayers} with experts`,
          ),
          fact('experts', formatCount(info.experts)),
          fact('sharedExperts', info.sharedExperts > 0 ? formatCount(info.sharedExperts) : null),
          fact('topK', info.topK),
          fact('normTopK', info.normTopK ? 'yes' : 'no'),
          fact('widths', `${formatCount(info.hidden)}, ${formatCount(info.expertWidth)}`),
          fact('totalParameters', formatParameters(info.parameters.total)),
          fact('expertParameters', formatParameters(info.parameters.expert)),
          fact('activeParameters', formatParameters(info.parameters.active)),
          fact('storedAs', info.dtype),
          fact(
            'weightTypes',
            info.weightTypes === undefined || info.weightTypes.length < 2
              ? null
              : info.weightTypes.map(({ type, bytes }) => (
                  <div key={type}>
                    {type}, {formatBytes(bytes)}
                  </div>
                )),
          ),
          fact('sizeBytes', formatBytes(info.sizeBytes)),
          // PyTorch holds whole models: how much they take stands in the next line.
          fact(
            'memory',
            engine?.device.engine !== undefined ? null : (
              <>
                {formatBytes(info.memory.resident)} resident
                <br />
                {formatBytes(info.memory.streaming)} streaming
              </>
            ),
          ),
          fact(
            'fitsHere',
            engine === undefined
              ? null
              : engine.device.engine === undefined
                ? runsWithin(info, engine.memory.budgetBytes, engine.device.precision)
                : runsInTorch(info, engine.device, engine.memory.budgetBytes),
          ),
          fact('chatTemplate', info.chatTemplate === undefined ? null : chat ? 'applied' : 'not applied'),
          fact('positions', formatCount(info.maxPositions)),
          fact(
            'fingerprint',
            model.fingerprint === null ? 'known after the first run' : <code>{model.fingerprint.slice(0, 12)}</code>,
          ),
          fact('contentHash', model.sha256 === undefined ? null : <code>{model.sha256.slice(0, 12)}</code>),
        ]}
      />
      <p className="path">{model.path}</p>
      <div className="card-actions">
        <ActionButton action={showFinetune}>Fine-tune…</ActionButton>
      </div>
    </>
  );
};

/** A remembered model whose folder is gone, with a button to locate it. */
const MissingModel = ({ model }: { readonly model: ModelEntry }) => {
  const fingerprint = model.missing?.fingerprint ?? null;
  return (
    <>
      <Problem
        error={{
          message: `Moved or deleted: ${model.path}`,
          remedy: 'Locate it, or remove it from the list with ×.',
        }}
      />
      {fingerprint === null ? (
        <p className="muted">Its hash was never recorded, so its identity cannot be checked: open it as a new model.</p>
      ) : (
        <>
          <p className="muted">
            Its hash was <code>{shortHash(fingerprint)}</code>; a different model is refused.
          </p>
          <RequestButton icon="folder" ask={(engine) => locateModel(engine, model)}>
            Locate…
          </RequestButton>
        </>
      )}
    </>
  );
};
