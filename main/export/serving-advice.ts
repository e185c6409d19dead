/** Properties of an export that decide how it can be split over devices. */
export interface ServedExperts {
  /** Experts of each MoE layer in the export and in the unpruned model. */
  readonly kept: number;
  readonly experts: number;
  readonly topK: number;
  /** Groups of the router; 1: none. */
  readonly groups: number;
}

/** Usual numbers of devices in servers. */
const DEVICES = [2, 4, 8] as const;
/** Largest difference, as a share of the kept experts, at which a better count is suggested. */
const NEAR = 1 / 20;

const greatestDivisor = (a: number, b: number): number => (b === 0 ? a : greatestDivisor(b, a % b));

/**
 * The nearest number of kept experts that splits evenly over more devices than `kept`, at most a twentieth (and at
 * least one expert) away; null if there is none. Of two equally near ones the larger.
 */
export const nearestServingCount = ({ kept, experts, topK, groups }: ServedExperts): number | null => {
  const reach = Math.max(1, Math.floor(kept * NEAR));
  for (const devices of [...DEVICES].reverse()) {
    if (kept % devices === 0) return null;
    const step = (devices * groups) / greatestDivisor(devices, groups);
    const above = Math.ceil(kept / step) * step;
    const near = [above, above - step].filter(
      (count) => count >= Math.max(1, topK) && count < experts && Math.abs(count - kept) <= reach,
    );
    const [nearest] = near.sort((a, b) => Math.abs(a - kept) - Math.abs(b - kept) || b - a);
    if (nearest !== undefined) return nearest;
  }
  return null;
};

/**
 * Constraints of vLLM 0.32 on the number of experts when splitting over devices (fused_moe/layer.py,
 * expert_map_manager.py, grouped_topk_router.py), one sentence each.
 */
export const servingAdvice = (served: ServedExperts): readonly string[] => {
  const { kept, groups } = served;
  const even = DEVICES.filter((devices) => kept % devices === 0);
  const uneven = DEVICES.filter((devices) => kept % devices !== 0);
  const nearest = nearestServingCount(served);
  return [
    'Tensor parallelism in vLLM splits every expert by its width: it needs at least as many experts as devices.',
    `Expert parallelism splits the experts of a layer: ${String(kept)} ` +
      (even.length === 0
        ? 'split evenly over none of 2, 4 and 8 devices'
        : `split evenly over ${joined(even)} devices`) +
      (uneven.length === 0
        ? ', as its load balancing (EPLB) requires.'
        : `; over ${joined(uneven)} its load balancing (EPLB) needs redundant experts ` +
          `(${uneven.map((devices) => `${String(devices - (kept % devices))} for ${String(devices)}`).join(', ')}).`),
    ...(nearest === null
      ? []
      : [`${String(nearest)} instead of ${String(kept)} would split evenly over more devices.`]),
    ...(groups > 1 && kept <= groups
      ? [
          `vLLM ignores the ${String(groups)} groups of the router if each contains one expert: keep at least ` +
            `${String(2 * groups)}.`,
        ]
      : []),
  ];
};

const joined = (numbers: readonly number[]): string =>
  numbers.length < 2
    ? numbers.join('')
    : `${numbers.slice(0, -1).map(String).join(', ')} and ${String(numbers.at(-1))}`;
