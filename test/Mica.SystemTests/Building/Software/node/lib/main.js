module.exports = x => require('./double.js')(x) + 1;
