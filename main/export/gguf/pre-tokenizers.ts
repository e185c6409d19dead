/**
 * Rules that split a text before byte-level BPE. llama.cpp knows them by name, not from a file, and finds the name by
 * the SHA-256 of the token ids (as printed by Python as a list) for a fixed text. Text, hashes and names are from
 * llama.cpp's conversion/base.py, for the families that are exported.
 */
export const CHECK_TEXT =
  '\n \n\n \n\n\n \t \t\t \t\n  \n   \n    \n     \n🚀 (normal) 😶\u200d🌫\ufe0f (multiple ' +
  'emojis concatenated) ✅ 🦙🦙 3 33 333 3333 33333 333333 3333333' +
  ' 33333333 3.3 3..3 3...3 កាន់តែពិសេសអាច😁 ?我想在apple工作1314151天' +
  "～ ------======= нещо на Български ''''''```````\"\"\"\"......!!!" +
  "!!!?????? I've been 'told he's there, 'RE you sure? 'M not s" +
  "ure I'll make it, 'D you like some tea? We'Ve a'lL";

export const preTokenizers: ReadonlyMap<string, string> = new Map([
  ['b6e8e1518dc4305be2fe39c313ed643381c4da5db34a98f6a04c093f8afbe99b', 'chatglm-bpe'],
  ['81d72c7348a9f0ebe86f23298d37debe0a5e71149e29bd283904c02262b27516', 'chatglm-bpe'],
  ['a1336059768a55c99a734006ffb02203cd450fed003e9a71886c88acf24fdbc2', 'glm4'],
  ['9ca2dd618e8afaf09731a7cf6e2105b373ba6a1821559f258b272fe83e6eb902', 'glm4'],
  ['cdf5f35325780597efd76153d4d1c16778f766173908894c04afc20108536267', 'glm4'],
  ['d4540891389ea895b53b399da6ac824becc30f2fba0e9ddbb98f92e55ca0e97c', 'qwen2'],
  ['0fe1cf6eda062318a1af7270f3331a85c539a01778ff948e24388e949c5282f4', 'gpt-2'],
  ['0ef9807a4087ebef797fc749390439009c3b9eda9ad1a097abbe738f486c01e5', 'llama-bpe'],
  ['049ecf7629871e3041641907f3de7c733e4dbfdc736f57d882ba0b0845599754', 'deepseek-llm'],
  ['347715f544604f9118bb75ed199f68779f423cabb20db6de6f31b908d04d7821', 'deepseek-coder'],
  ['3ce83efda5659b07b1ad37ca97ca5797ea4285d9b9ab0dc679e4a720c9da7454', 'gpt-2'],
  ['6221ad2852e85ce96f791f476e0b390cf9b474c9e3d1362f53a24a06dc8220ff', 'refact'],
  ['e636dc30a262dcc0d8c323492e32ae2b70728f4df7dfe9737d9f920a282b8aea', 'qwen2'],
  ['b6dc8df998e1cfbdc4eac8243701a65afe638679230920b50d6f17d81c098166', 'olmo'],
  ['63b97e4253352e6f357cc59ea5b583e3a680eaeaf2632188c2b952de2588485e', 'tekken'],
  ['877081d19cf6996e2c4ff0e1236341e9b7bde288f5311a56a937f0afbbb3aeb5', 'deepseek-v3'],
  ['ccc2ef013c104be7bae2965776d611e1d7a8a2a9c547dd93a682c9a9fc80352e', 'gpt-4o'],
  ['0e9433cbbb161f89e264eb32e8e64bfe69e834973ffca5d41d3948a604a3e2a3', 'pixtral'],
]);
