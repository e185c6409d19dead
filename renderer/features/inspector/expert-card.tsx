import { useStore } from 'zustand';
import { formatMetric } from '../../charts/format-metric.ts';
import { Definition } from '../../components/definition.tsx';
import { FactList } from '../../components/fact-list.tsx';
import { focusedTask } from '../../engine/facts.ts';
import { useFacts } from '../../engine/use-facts.ts';
import { formatCount, formatFixed, formatPercent } from '../../format/format-number.ts';
import { routingMetrics, routingStore } from '../../state/routing-store.ts';
import { describeFate } from '../prune/expert-fates.ts';
import { PinControl } from '../prune/pin-control.tsx';
import { useCurrentPlan } from '../prune/use-current-plan.ts';
import { effectiveExperts, metricMatrix, rankInLayer } from '../routing/metric-matrix.ts';
import { useProfiles } from '../routing/use-profiles.ts';
import { FateTable } from './fate-table.tsx';

/** One expert on the task in focus: every metric, its rank, and what the plan does with it. */
export const ExpertCard = ({ layer, expert }: { readonly layer: number; readonly expert: number }) => {
  const facts = useFacts();
  const task = focusedTask(facts);
  const metric = useStore(routingStore, (state) => state.metric);
  const { byTask } = useProfiles();
  const { fates } = useCurrentPlan();
  const profile = task === null ? undefined : byTask.get(task.name);
  const fate = fates?.[layer]?.[expert];
  const row = profile === undefined ? [] : (metricMatrix(profile, metric)[layer] ?? []);
  const sum = row.reduce((total, value) => total + value, 0);
  return (
    <section className="inspector-section" aria-label={`Layer ${layer}, expert ${expert}`}>
      <h2>
        Layer {layer}, expert {expert}
      </h2>
      {facts.selection.model !== null && (
        <div className="inspector-pin">
          <Definition of="pins">Pin</Definition>
          <PinControl model={facts.selection.model} layer={layer} expert={expert} />
        </div>
      )}
      {profile === undefined ? (
        <p className="muted">
          {task === null ? 'No task is in focus.' : `${task.title} is not profiled with this model yet.`}
        </p>
      ) : (
        <>
          <p className="muted">{task?.title}, calibration items</p>
          <FactList
            facts={[
              ...routingMetrics.map((name) => ({
                key: name,
                term: <Definition of={name} />,
                value: formatMetric(name, metricMatrix(profile, name)[layer]?.[expert] ?? 0),
              })),
              {
                key: 'tokens',
                term: <Definition of="tokensRouted" />,
                value: `${formatCount(profile.counts[layer]?.[expert] ?? 0)} of ${formatCount(profile.tokens)}`,
              },
              { key: 'rank', term: <Definition of="rank" />, value: `${rankInLayer(row, expert)} of ${row.length}` },
              {
                key: 'share-of-layer',
                term: <Definition of="shareOfLayer" />,
                value: formatPercent(sum > 0 ? (row[expert] ?? 0) / sum : 0, 2),
              },
              {
                key: 'effective',
                term: <Definition of="effectiveExperts">Layer’s effective experts</Definition>,
                value: formatFixed(effectiveExperts(profile.counts[layer] ?? []), 2),
              },
              ...(fate === undefined
                ? []
                : [{ key: 'fate', term: 'Current plan', value: <strong>{describeFate(fate)}</strong> }]),
            ]}
          />
          <FateTable layer={layer} expert={expert} />
        </>
      )}
    </section>
  );
};
