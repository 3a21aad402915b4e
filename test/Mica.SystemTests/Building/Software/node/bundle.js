// Puts the modules of lib/ into one file, as bundlers do.
const fs = require('fs');
const { name, version } = require('./package.json');
console.log('const modules = {};');
for (const file of fs.readdirSync('lib').sort()) {
  console.log(`modules[${JSON.stringify('./' + file)}] = (module, require) => {\n${fs.readFileSync('lib/' + file, 'utf8')}};`);
}
console.log('const load = name => { const module = { exports: {} }; modules[name](module, load); return module.exports; };');
console.log(`console.log(${JSON.stringify(`${name} ${version}:`)}, load('./main.js')(7), require('zlib').gunzipSync(require('zlib').gzipSync('zipped')).toString());`);
