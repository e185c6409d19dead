import { spawn } from 'node:child_process';
import type { VerbHost } from './verb.ts';

const openerOf = (platform: NodeJS.Platform): readonly [command: string, ...given: string[]] => {
  switch (platform) {
    case 'darwin':
      return ['open'];
    case 'win32':
      return ['rundll32', 'url.dll,FileProtocolHandler'];
    default:
      return ['xdg-open'];
  }
};

/** Opens an address in the default browser, or says that it cannot: the address is on screen anyway. */
export const openBrowser = (url: string, { environment, say }: Pick<VerbHost, 'environment' | 'say'>): void => {
  const hasDisplay =
    process.platform !== 'linux' ||
    environment['DISPLAY'] !== undefined ||
    environment['WAYLAND_DISPLAY'] !== undefined;
  if (!hasDisplay) {
    say(
      'There is no display to open a browser on: open the address from where one is, ' +
        'for example through an ssh tunnel.',
    );
    return;
  }
  const [command, ...given] = openerOf(process.platform);
  const opener = spawn(command, [...given, url], { stdio: 'ignore', detached: true });
  opener.once('error', () => say('No browser could be opened: open the address yourself.'));
  opener.unref();
};
