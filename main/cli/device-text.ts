import type { ProviderListing, ProviderProbe } from '../contract/device.ts';

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

const measured = ({ measurement, shareOnCpu }: ProviderProbe): string => {
  if (measurement === null || shareOnCpu === null) return '';
  const { deviation, deviceName, millisecondsPerBlock, cpuMillisecondsPerBlock, nodes } = measurement;
  return [
    deviceName ?? 'device not named by the system',
    `deviation ${deviation === null ? 'none to tell' : deviation.toExponential(1)}`,
    `${percent(shareOnCpu)} of nodes on the processor (${nodes.onCpu} of ${nodes.total})`,
    `${millisecondsPerBlock.toFixed(1)} ms a small block (processor ${cpuMillisecondsPerBlock.toFixed(1)} ms)`,
  ].join(', ');
};

/** One provider in a line: what its probe found, or what is known without trying. */
export const deviceText = ({ present, note, command, probe }: ProviderListing): string => {
  if (!present) return command === null ? `absent: ${note}` : `absent: ${note} Fetch them with: ${command}`;
  if (probe === null) return `not tried. ${note}`;
  return probe.available ? `works: ${measured(probe)}` : `refused: ${probe.reason ?? 'its probe failed'}`;
};
