import { calls } from '../contract/calls.ts';
import { answer, type Answers } from './answer.ts';
import type { EngineContext } from './engine-context.ts';

type DeviceCall = 'devices.list' | 'devices.probe';

export const deviceCalls = ({ providers, provider }: EngineContext): Pick<Answers, DeviceCall> => ({
  'devices.list': answer(calls['devices.list'], () => [...providers.list(provider)]),
  'devices.probe': answer(calls['devices.probe'], ({ provider: asked, again }) => providers.probe(asked, again)),
});
