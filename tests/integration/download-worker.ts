/** Downloads the model that the argument names: a process that a test can kill. */
import { parseHubName } from '../../main/contract/hub.ts';
import { downloadModel } from '../../main/hub/download.ts';
import { createHubClient } from '../../main/hub/hub-client.ts';
import { hubSettings } from '../../main/hub/hub-settings.ts';
import { findPublished } from '../../main/hub/published-model.ts';

const name = parseHubName(process.argv[2] ?? '');
if (name === null) throw new Error('no name is given');
const client = createHubClient(hubSettings(), 'a model is downloaded');
await downloadModel(client, await findPublished(client, name));
