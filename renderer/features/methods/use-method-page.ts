import type { MethodPage } from '../../../main/contract/method.ts';
import type { MethodName } from '../../../main/contract/plan.ts';
import { useQuery } from '../../engine/engine-context.tsx';

const NONE: readonly MethodPage[] = [];

/** The page of every method; asked once. Empty until the engine has answered. */
export const useMethodPages = (): readonly MethodPage[] => useQuery('methods.list', {}).data ?? NONE;

export const useMethodPage = (method: MethodName): MethodPage | undefined =>
  useMethodPages().find(({ name }) => name === method);
