import type { ModelEntry } from '../../../main/contract/model.ts';
import { Definition } from '../../components/definition.tsx';
import { FactList } from '../../components/fact-list.tsx';
import { Problem } from '../../components/problem.tsx';
import { useQuery } from '../../engine/engine-context.tsx';
import { formatBytes, formatCount, formatParameters } from '../../format/format-number.ts';
import { changedSentence } from './changed-words.ts';
import { MissingModel } from './missing-model.tsx';

/** What is known of a model without loading its weights. */
export const ModelFacts = ({ model }: { readonly model: ModelEntry }) => {
  const engine = useQuery('engine.facts', {}).data;
  const { info } = model;
  if (model.missing !== undefined) return <MissingModel model={model} />;
  if (info === null) {
    return (
      <Problem error={{ message: model.error ?? 'The folder cannot be opened.', remedy: `Folder: ${model.path}` }} />
    );
  }
  const fits = engine === undefined ? null : info.memory.resident <= engine.memory.budgetBytes;
  return (
    <>
      {model.error !== null && <Problem error={{ message: model.error, remedy: `Folder: ${model.path}` }} />}
      {model.changed !== undefined && (
        <Problem
          error={{
            message: changedSentence(model.changed, model.fingerprint),
            remedy:
              'Its profiles and curves are of the model that lay here then: measure it again, or restore that one.',
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
            ? [{ key: 'shared', term: 'Shared experts', value: formatCount(info.sharedExperts) }]
            : []),
          { key: 'topk', term: <Definition of="topK" />, value: info.topK },
          { key: 'norm', term: <Definition of="normTopK" />, value: info.normTopK ? 'yes' : 'no' },
          {
            key: 'width',
            term: 'Hidden, expert width',
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
          { key: 'dtype', term: 'Stored as', value: info.dtype },
          { key: 'size', term: <Definition of="sizeBytes" />, value: formatBytes(info.sizeBytes) },
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
          ...(engine === undefined
            ? []
            : [
                {
                  key: 'fits',
                  term: 'Fits here',
                  value: `${fits === true ? 'resident' : 'streaming'}, budget ${formatBytes(engine.memory.budgetBytes)}`,
                },
              ]),
          { key: 'positions', term: 'Positions', value: formatCount(info.maxPositions) },
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
    </>
  );
};
