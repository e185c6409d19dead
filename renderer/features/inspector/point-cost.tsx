import type { PointCost } from '../../../main/contract/sweep.ts';
import { formatBytes, formatFixed, formatParameters, formatPercent } from '../../../main/words/numbers.ts';
import { FactList } from '../../components/data-table.tsx';
import { Definition } from '../../components/definition.tsx';

const speedText = (tokensPerSecond: number): string =>
  `${formatFixed(tokensPerSecond, tokensPerSecond < 10 ? 2 : 0)} tokens/s`;

interface PointCostFactsProps {
  readonly cost: PointCost;
  /** Costs of the unpruned model in the same sweep, if measured. */
  readonly unpruned: PointCost | undefined;
}

/** Memory and compute costs of a point's model; speeds if measured. */
export const PointCostFacts = ({ cost, unpruned }: PointCostFactsProps) => {
  const { promptTokensPerSecond: prompt, decodeTokensPerSecond: decode } = cost;
  return (
    <FactList
      facts={[
        {
          key: 'bytes',
          term: <Definition of="pointBytes" />,
          value:
            formatBytes(cost.bytes) +
            (unpruned === undefined ? '' : ` (${formatPercent(cost.bytes / unpruned.bytes, 0)})`),
        },
        { key: 'active', term: <Definition of="activeParameters" />, value: formatParameters(cost.activeParameters) },
        { key: 'cache', term: <Definition of="cacheBytes" />, value: formatBytes(cost.cacheBytesPerToken) },
        ...(prompt === undefined
          ? []
          : [{ key: 'prompt', term: <Definition of="promptSpeed" />, value: speedText(prompt) }]),
        ...(decode === undefined
          ? []
          : [{ key: 'decode', term: <Definition of="decodeSpeed" />, value: speedText(decode) }]),
      ]}
    />
  );
};
