import { rm } from 'node:fs/promises';
import { listSupportedBackends } from 'onnxruntime-node';
import {
  deviceWords,
  type ProviderListing,
  providerName,
  type ProviderName,
  type ProviderProbe,
} from '../../contract/device.ts';
import { refuse } from '../../contract/errors.ts';
import { makeTemporaryFolder } from '../../files/temporary-folder.ts';
import type { StartProbe } from './fork-probe.ts';
import { judgeProbe, refusedProbe } from './judge-probe.ts';
import { cudaCommand, hasCudaLibraries, providers } from './provider.ts';

/** The execution providers of this machine: what is known without trying, and the results of probes. */
export interface ProvidersHere {
  list(used: ProviderName | null): readonly ProviderListing[];
  /** The result is cached for the life of this process; `again` probes again. */
  probe(provider: ProviderName, again?: boolean): Promise<ProviderProbe>;
  /** As `probe`; refuses a provider that cannot be used, with the reason. */
  require(provider: ProviderName): Promise<ProviderProbe>;
}

export const createProvidersHere = (startProbe: StartProbe): ProvidersHere => {
  const probes = new Map<ProviderName, Promise<ProviderProbe>>();
  const answers = new Map<ProviderName, ProviderProbe>();

  const probe: ProvidersHere['probe'] = (provider, again = false) => {
    const known = probes.get(provider);
    if (known !== undefined && !again) return known;
    const asked = tryProvider(provider, startProbe).then((answer) => {
      answers.set(provider, answer);
      return answer;
    });
    probes.set(provider, asked);
    // A probe that could not even be started is no evidence about the provider.
    asked.catch(() => probes.delete(provider));
    return asked;
  };

  return {
    probe,
    list: (used) =>
      providerName.options.map((provider) => ({
        provider,
        title: providers[provider].title,
        ...presence(provider),
        used: provider === used,
        probe: answers.get(provider) ?? null,
      })),
    require: async (provider) => {
      const answer = await probe(provider);
      if (answer.available) return answer;
      throw refuse(
        'provider-refused',
        `The device ${deviceWords(provider)} cannot be used: ${answer.reason ?? 'its probe failed.'}`,
        'Choose another device: "uncurl doctor --probe" tries all of them.',
      );
    },
  };
};

const tryProvider = async (provider: ProviderName, startProbe: StartProbe): Promise<ProviderProbe> => {
  const { present, note, command } = presence(provider);
  if (!present) return refusedProbe(provider, command === null ? note : `${note} Fetch them with: ${command}`);
  const folder = await makeTemporaryFolder('probe');
  try {
    return judgeProbe(provider, await startProbe(provider, folder));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** Facts known without trying a provider. */
const presence = (provider: ProviderName): Pick<ProviderListing, 'present' | 'note' | 'command'> => {
  const { title, runtimeName, platforms } = providers[provider];
  if (!listSupportedBackends().some(({ name }) => name === runtimeName)) {
    return {
      present: false,
      note: `onnxruntime has no ${title} on ${process.platform} ${process.arch}, only on ${platforms}.`,
      command: null,
    };
  }
  if (provider !== 'cuda') return { present: true, note: 'In the package.', command: null };
  if (hasCudaLibraries()) return { present: true, note: 'Its provider libraries are installed.', command: null };
  const command = cudaCommand(process.cwd());
  const note = 'The provider libraries of CUDA are not in the package.';
  return {
    present: false,
    note: command === null ? `${note} A packaged application cannot fetch them: use a clone or the npm package.` : note,
    command,
  };
};
