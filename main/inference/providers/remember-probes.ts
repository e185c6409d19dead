import type { ProbeEnd, ProviderName } from '../../contract/device.ts';
import type { StartProbe } from './fork-probe.ts';

export interface RememberedProbes {
  /** Tries a provider, and stores the measurement. */
  readonly start: StartProbe;
  /** A provider's last measurement; tries it if there is none. */
  readonly recall: StartProbe;
}

/** Caches measurements for processes that ask later: a probe of a graphics processor takes seconds. */
export const rememberProbes = (startProbe: StartProbe): RememberedProbes => {
  const measured = new Map<ProviderName, ProbeEnd>();
  const start: StartProbe = async (provider, folder) => {
    const end = await startProbe(provider, folder);
    if (end.kind === 'measured') measured.set(provider, end);
    else measured.delete(provider);
    return end;
  };
  return {
    start,
    recall: async (provider, folder) => measured.get(provider) ?? start(provider, folder),
  };
};
