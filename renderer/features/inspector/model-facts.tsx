import { useStore } from 'zustand';
import { type ModelEntry, shortHash } from '../../../main/contract/model.ts';
import { useAction } from '../../actions/action.ts';
import { showFinetune } from '../../actions/finetune.ts';
import { locateModel } from '../../actions/open.ts';
import { Button } from '../../components/button.tsx';
import { FactList } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';
import { Problem } from '../../components/problem.tsx';
import { useQuery, useRequest } from '../../engine/engine-context.tsx';
import { formatBytes, formatCount, formatParameters } from '../../../main/words/numbers.ts';
import { runsInTorch, runsWithin } from '../../../main/words/memory.ts';
import { changedSentence } from '../../format/record-words.ts';
import { planStore } from '../../state/plan-store.ts';

/** Facts of a model that are known without loading its weights. */
export const ModelFacts = ({ model }: { readonly model: ModelEntry }) => {
  const engine = useQuery('engine.facts', {}).data;
  const chat = useStore(planStore, (state) => state.chat);
  const finetune = useAction(showFinetune);
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
          { key: 'family', term: 'Family', value: info.family },
          {
            key: 'layers',
            term: <Definition of="layers" />,
            value: info.layers === info.moeLayers ? info.layers : `${info.layers}, ${info.moeLayers} with experts`,
          },
          { key: 'experts', term: <Definition of="experts" />, value: formatCount(info.experts) },
          ...(info.sharedExperts > 0
            ? [{ key: 'shared', term: <Definition of="sharedExperts" />, value: formatCount(info.sharedExperts) }]
            : []),
          { key: 'topk', term: <Definition of="topK" />, value: info.topK },
          { key: 'norm', term: <Definition of="normTopK" />, value: info.normTopK ? 'yes' : 'no' },
          {
            key: 'width',
            term: <Definition of="widths" />,
            value: `${formatCount(info.hidden)}, ${formatCount(info.expertWidth)}`,
          },
          { key: 'total', term: <Definition of="totalParameters" />, value: formatParameters(info.parameters.total) },
          {
            key: 'expert',
            term: <Definition of="expertParameters" />,
            value: formatParameters(info.parameters.expert),
          },
          {
            key: 'active',
            term: <Definition of="activeParameters" />,
            value: formatParameters(info.parameters.active),
          },
          { key: 'dtype', term: <Definition of="storedAs" />, value: info.dtype },
          ...(info.weightTypes !== undefined && info.weightTypes.length > 1
            ? [
                {
                  key: 'types',
                  term: <Definition of="weightTypes" />,
                  value: info.weightTypes.map(({ type, bytes }) => (
                    <div key={type}>
                      {type}, {formatBytes(bytes)}
                    </div>
                  )),
                },
              ]
            : []),
          { key: 'size', term: <Definition of="sizeBytes" />, value: formatBytes(info.sizeBytes) },
          // PyTorch holds whole models: how much they take stands in the next line.
          ...(engine?.device.engine !== undefined
            ? []
            : [
                {
                  key: 'memory',
                  term: <Definition of="memory" />,
                  value: (
                    <>
                      {formatBytes(info.memory.resident)} resident
                      <br />
                      {formatBytes(info.memory.streaming)} streaming
                    </>
                  ),
                },
              ]),
          ...(engine === undefined
            ? []
            : [
                {
                  key: 'fits',
                  term: <Definition of="fitsHere" />,
                  value:
                    engine.device.engine === undefined
                      ? runsWithin(info, engine.memory.budgetBytes, engine.device.precision)
                      : runsInTorch(info, engine.device, engine.memory.budgetBytes),
                },
              ]),
          ...(info.chatTemplate === undefined
            ? []
            : [
                {
                  key: 'chat',
                  term: <Definition of="chatTemplate" />,
                  value: chat ? 'applied' : 'not applied',
                },
              ]),
          { key: 'positions', term: <Definition of="positions" />, value: formatCount(info.maxPositions) },
          ...(model.fingerprint === null
            ? []
            : [
                {
                  key: 'fingerprint',
                  term: <Definition of="fingerprint" />,
                  value: <code>{model.fingerprint.slice(0, 12)}</code>,
                },
              ]),
        ]}
      />
      <p className="path">{model.path}</p>
      <div className="card-actions">
        <Button onClick={finetune.perform} disabled={!finetune.enabled}>
          Fine-tune…
        </Button>
      </div>
    </>
  );
};

/** A remembered model whose folder is gone, with a button to locate it. */
const MissingModel = ({ model }: { readonly model: ModelEntry }) => {
  const { busy, start } = useRequest();
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
        <p className="muted">
          Its header hash was never recorded, so its identity cannot be checked: open it as a new model.
        </p>
      ) : (
        <>
          <p className="muted">
            Its header hash was <code>{shortHash(fingerprint)}</code>; a different model is refused.
          </p>
          <Button icon="folder" disabled={busy} onClick={() => start((engine) => locateModel(engine, model))}>
            Locate…
          </Button>
        </>
      )}
    </>
  );
};
