import { useMemo } from 'react';
import { useStore } from 'zustand';
import type { CallOutput } from '../../main/contract/calls.ts';
import type { SerialisedError } from '../../main/contract/errors.ts';
import { useQuery } from '../engine/engine-context.tsx';
import { inputKey } from '../engine/query-cache.ts';
import { selectedModel, useFacts } from '../engine/facts.ts';
import { useLasting, useUnlessMoving } from '../engine/use-settled.ts';
import { selectionStore } from '../state/selection-store.ts';
import { type ExpertFate, expertFates } from './expert-fates.ts';
import { currentPlanCall } from './plan-input.ts';

/** Long enough for a few requests per second from a dragged slider, short enough to feel immediate. */
const SETTLE_MS = 80;

/** A plan and its cost; an imported plan may have notes. */
type MadePlan = CallOutput<'plan.make'> & { readonly notes?: CallOutput<'plan.import'>['notes'] };

interface CurrentPlan {
  readonly made: MadePlan | undefined;
  /** Whether `made` is the plan of the present choices, not the last one. */
  readonly isCurrent: boolean;
  /** [L][E]; null until there is a plan. */
  readonly fates: readonly (readonly ExpertFate[])[] | null;
  readonly error: SerialisedError | null;
}

/** The current plan; the last one stays until the next is ready. */
export const useCurrentPlan = (): CurrentPlan => {
  const facts = useFacts();
  const model = selectedModel(facts);
  const asked = currentPlanCall(facts);
  const isMoving = useStore(selectionStore, ({ history }) => history.isDragging);
  const call = useUnlessMoving(asked, isMoving, SETTLE_MS);
  const valid = call !== null && call.input.model === model?.handle ? call : null;
  const planned = useQuery('plan.make', valid?.call === 'plan.make' ? valid.input : null);
  const read = useQuery('plan.import', valid?.call === 'plan.import' ? valid.input : null);
  const { data, error } = valid?.call === 'plan.import' ? read : planned;
  const lasting = useLasting<MadePlan>(data, `${valid?.call ?? ''} ${String(model?.handle ?? '')}`);
  const made = error === null && valid !== null ? lasting : undefined;
  const isCurrent = made !== undefined && data !== undefined && inputKey(call) === inputKey(asked);
  const experts = model?.info?.experts ?? 0;
  const fates = useMemo(() => (made === undefined ? null : expertFates(made.plan, experts)), [made, experts]);
  return { made, isCurrent, fates, error };
};
