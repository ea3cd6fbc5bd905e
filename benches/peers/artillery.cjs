// What artillery.yaml cannot say: a user that starts over until the time is up, its name, and pauses of random length.
const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';
const seconds = Number(process.env.DURATION);
let end;

function isGoing(context, next) {
  end ??= Date.now() + seconds * 1000;
  return next(Date.now() < end);
}

function begin(context, events, done) {
  let name = 'u';
  for (let i = 0; i < 12; i++) name += letters[Math.floor(Math.random() * letters.length)];
  context.vars.name = name;
  return done();
}

function pause(from, to) {
  return (context, events, done) => {
    if (process.env.PAUSES !== 'yes') return done();
    setTimeout(done, Math.min(from + Math.random() * (to - from), Math.max(0, end - Date.now())));
  };
}

module.exports = { isGoing, begin, pauseLong: pause(1000, 2000), pauseShort: pause(500, 1000) };
