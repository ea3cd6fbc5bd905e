//! Models as people write them, and sources that are no models.

use std::fmt::Write;
use std::path::PathBuf;

use snapbox::{assert_data_eq, str};

use super::files::Source;
use super::{read_sources, read_text};
use crate::indexes::import::{ImportReport, render};

/// The report of some files.
#[track_caller]
fn read(files: &[(&str, &str)]) -> ImportReport {
    let sources =
        files.iter().map(|(path, text)| Source { path: PathBuf::from(path), text: (*text).to_owned() });
    read_sources(sources.collect(), "app").unwrap()
}

/// What the models of some files come to: collections with their indexes, then the notes.
#[track_caller]
fn found(files: &[(&str, &str)]) -> String {
    let mut report = read(files);
    render::specification(&mut report).unwrap();
    let mut text = String::new();
    for collection in &report.collections {
        let _ = writeln!(text, "{} ({})", collection.name, collection.models.join(", "));
        for index in &collection.indexes {
            let name = if index.named { format!(" as {}", index.name) } else { String::new() };
            let _ = writeln!(text, "  {}{name}", index.shown());
        }
    }
    for note in &report.notes {
        let _ = writeln!(text, "{:?}: {}", note.kind, note.line());
    }
    text
}

/// The indexes of one model whose schema is made of `fields`, with `more` after it.
#[track_caller]
fn of_fields(fields: &str, more: &str) -> String {
    let text = format!(
        "import mongoose, {{ Schema }} from 'mongoose'\nconst s = new Schema({{{fields}}})\n{more}\nmongoose.model('A', s)\n"
    );
    found(&[("a.js", &text)])
}

#[test]
fn fields_declare_indexes_in_every_form() {
    let fields = "
        a: { type: String, index: true }, b: { type: String, index: -1 }, c: { type: Number, index: 'desc' },
        d: { type: String, unique: true, index: true }, e: { type: String, sparse: true },
        f: { type: String, text: true }, g: { type: Date, expires: '1.5h' }, h: { type: Date, index: { expires: 60 } },
        i: { type: [Number], index: '2dsphere' }, j: { type: String, index: 'hashed' },
        k: { type: String, index: { unique: true, sparse: true, name: 'k' } }, l: { type: [Number], index: '2d' },
        m: { type: String, index: false }, n: { type: String, unique: false }, o: { type: String, index: null },
        p: [{ type: String, index: true }], q: { type: [{ type: String, unique: true }] },
        r: { type: String, index: { type: 'text', weights: { r: 3 } } }, s: String, t: { type: String, index: 1 }";
    assert_data_eq!(
        of_fields(fields, ""),
        str![[r#"
as (A)
  {a: 1}
  {b: -1}
  {c: -1}
  {d: 1} (unique)
  {e: 1} (sparse)
  {f: text}
  {g: 1} (expireAfterSeconds: 5400)
  {h: 1} (expireAfterSeconds: 60)
  {i: 2dsphere}
  {j: hashed}
  {k: 1} (unique, sparse) as k
  {l: 2d}
  {p: 1}
  {q: 1} (unique)
  {t: 1}
LeftOut: a.js:10:9: {r: text} (weights: {"r":3}) cannot stand beside {f: text} of a.js:5: left out, as the server would refuse it

"#]]
    );
}

#[test]
fn objects_lists_and_schemas_prefix_their_paths() {
    let text = "
const { Schema, model } = require('mongoose');
const inner = new Schema({ a: { type: String, index: true } });
inner.index({ a: 1, b: -1 }, { partialFilterExpression: { b: { $gt: 5 } } });
const silent = new Schema({ x: { type: String, index: true } }, { excludeIndexes: true });
const outer = new Schema({
  plain: { deep: { er: { type: String, index: true } } },
  type: { type: String, index: true },
  named: { type: { type: String, index: true }, other: Number },
  one: inner, many: [inner], typed: { type: inner, index: true }, listed: { type: [inner], index: true },
  silent, also: { type: inner, excludeIndexes: true }, sub: { type: { y: { type: Number, unique: true } } },
  rows: [{ z: { type: Number, index: true } }], grid: [[inner]],
});
outer.add({ children: [outer] });
model('Outer', outer);
";
    assert_data_eq!(
        found(&[("a.cjs", text)]),
        str![[r#"
outers (Outer)
  {plain.deep.er: 1}
  {type: 1}
  {named.type: 1}
  {one.a: 1}
  {one.a: 1, one.b: -1} (partialFilterExpression: {"one.b":{"$gt":5}})
  {many.a: 1}
  {many.a: 1, many.b: -1} (partialFilterExpression: {"many.b":{"$gt":5}})
  {typed.a: 1}
  {typed.a: 1, typed.b: -1} (partialFilterExpression: {"typed.b":{"$gt":5}})
  {typed: 1}
  {listed.a: 1}
  {listed.a: 1, listed.b: -1} (partialFilterExpression: {"listed.b":{"$gt":5}})
  {sub.y: 1} (unique)
  {rows.z: 1}

"#]]
    );
}

#[test]
fn constants_sums_and_enumerations_are_worked_out() {
    let text = "
import mongoose from 'mongoose';
enum Kind { Like = 'like', Seen = 2, Next }
const DAY = 24 * 60 * 60;
const options = { background: true, sparse: true };
const FIELD = 'a' + '.b';
const key = { [FIELD]: 1 } as const;
const s = new mongoose.Schema<{ at: Date }>({ at: Date });
s.index({ at: 1 }, { expireAfterSeconds: 7 * DAY });
s.index(key, { ...options, name: `own`, unique: !0 });
s.index({ kind: 1 }, { partialFilterExpression: { kind: Kind.Like, n: -1.5, at: { $gt: new Date('2024-01-01') } } });
export default mongoose.model<unknown>('Thing', s);
";
    assert_data_eq!(
        found(&[("a.ts", text)]),
        str![[r#"
things (Thing)
  {at: 1} (expireAfterSeconds: 604800)
  {a.b: 1} (unique, sparse) as own
  {kind: 1} (partialFilterExpression: {"kind":"like","n":-1.5,"at":{"$gt":{"$date":"2024-01-01T00:00:00Z"}}})

"#]]
    );
}

#[test]
fn collections_have_the_names_that_mongoose_gives_them() {
    let text = "
const m = require('mongoose'), { Schema: S } = m;
m.model('Person', new S({}));
m.model('Mouse', new m.Schema({}, { collection: 'rodents' }));
m.model('Cat', new S({}), 'felines');
m.model('Dog', S({}));
const late = new S({}); late.set('collection', 'late_ones'); m.model('Late', late);
const connection = m.createConnection(); connection.model('Reply', new S({}));
";
    let report = read(&[("a.js", text)]);
    let names: Vec<&str> = report.collections.iter().map(|collection| collection.name.as_str()).collect();
    assert_eq!(names, ["dogs", "felines", "late_ones", "people", "replies", "rodents"]);
    assert_eq!(report.notes, []);
}

#[test]
fn schemas_are_followed_through_the_files() {
    let files = [
        (
            "m/a.ts",
            "import { Schema } from 'mongoose'\nexport const a = new Schema({ x: { type: Number, index: true } })\n",
        ),
        (
            "m/b.cjs",
            "const { Schema } = require('mongoose')\nexports.b = new Schema({ y: { type: Number, index: true } })\n",
        ),
        (
            "m/c/index.js",
            "import { Schema } from 'mongoose'\nexport default new Schema({ z: { type: Number, index: true } })\n",
        ),
        (
            "m/all.js",
            "export * from './a.js'\nexport { default as c } from './c'\nexport { b } from './b.cjs'\n",
        ),
        ("m/whole.js", "module.exports = { kinds: { d: require('./b.cjs').b } }\n"),
        (
            "m/model.mts",
            "import { a, b, c } from './all'\nimport whole from './whole.js'\nimport { Schema, model } from 'mongoose'\n\
             model('M', new Schema({ a, b, c: [c], d: whole.kinds.d }))\n",
        ),
    ];
    assert_data_eq!(
        found(&files),
        str![[r#"
ms (M)
  {a.x: 1}
  {b.y: 1}
  {c.z: 1}
  {d.y: 1}

"#]]
    );
}

/// What Mongoose 8.24 itself lists for these.
#[test]
fn odd_declarations_come_to_what_mongoose_makes_of_them() {
    let text = "
import mongoose, { Schema } from 'mongoose'
const tag = new Schema({ name: { type: String, index: true } })
tag.index({ name: 1, at: -1 }, { name: 'tagged' })
const base = { created: { type: Date, index: true } }
const s = new Schema({
  ...base, a: { type: String, unique: true, index: { sparse: true } }, c: { type: String, text: true, index: true },
  e: { type: 'Date', expires: 3600 }, f: { type: Date, index: true, expires: '10m' },
  g: { $type: String, type: { type: String, index: true } }, j: [[{ type: String, index: true }]],
  k: { type: [tag], excludeIndexes: true }, l: [{ type: tag, excludeIndexes: true }],
  m: { type: Map, of: String, index: true }, n: { type: Schema.Types.Mixed, index: true }, o: { type: Array, index: true },
  p: { type: [], index: 1 }, q: { type: {}, index: true }, r: { sub: tag, z: { type: Buffer, sparse: true } },
  t: { type: Number, index: '-1' }, u: { type: String, index: 0 }, v: { type: [String], index: true, unique: true },
})
mongoose.model('X', s)
";
    assert_data_eq!(
        found(&[("x.js", text)]),
        str![[r#"
xes (X)
  {created: 1}
  {a: 1} (unique)
  {c: text}
  {e: 1} (expireAfterSeconds: 3600)
  {f: 1} (expireAfterSeconds: 600)
  {g.type: 1}
  {m: 1}
  {n: 1}
  {o: 1}
  {p: 1}
  {q: 1}
  {r.sub.name: 1}
  {r.sub.name: 1, r.sub.at: -1} as tagged
  {r.z: 1} (sparse)
  {t: -1}
  {v: 1} (unique)

"#]]
    );
}

#[test]
fn models_made_in_functions_are_found() {
    let text = "
module.exports = (mongoose) => {
  const schema = mongoose.Schema({ a: { type: String, index: true } }, { timestamps: true });
  schema.method('toJSON', function () { const schema = 5; return schema; });
  return mongoose.models.Tutorial || mongoose.model('Tutorial', schema);
};
";
    assert_eq!(found(&[("a.js", text)]), "tutorials (Tutorial)\n  {a: 1}\n");
}

#[test]
fn paths_and_copies_and_chains_count() {
    let more = "
s.path('a').unique(true).sparse(true)
s.path('b').index({ expires: '1d' })
s.index({ c: 1 }).index({ d: 1 }).pre('save', () => {}).index({ e: 1 })
const copy = s.clone()
copy.index({ f: 1 })
mongoose.model('B', copy)
const chained = new Schema({ g: { type: String, index: true } }).index({ h: 1 }).set('collection', 'cs')
mongoose.model('C', chained)";
    let text = of_fields("a: String, b: Date", more);
    assert_data_eq!(
        text,
        str![[r#"
as (A)
  {a: 1} (unique, sparse)
  {b: 1} (expireAfterSeconds: 86400)
  {c: 1}
  {d: 1}
  {e: 1}
bs (B)
  {a: 1} (unique, sparse)
  {b: 1} (expireAfterSeconds: 86400)
  {c: 1}
  {d: 1}
  {e: 1}
  {f: 1}
cs (C)
  {g: 1}
  {h: 1}

"#]]
    );
}

#[test]
fn what_cannot_be_followed_is_told_with_its_place() {
    let text = "import mongoose, { Schema } from 'mongoose'
import { address } from './address'
import email from 'mongoose-type-email'
const s = new Schema({
  address, [name()]: { type: String, index: true },
  ...shared(), email: { type: email, index: true },
  when: { type: String, expires: 60 }, made: make(), map: { type: Map, of: new Schema({ a: { type: String, index: true } }) },
  chosen: { type: String, index: process.env.INDEX },
})
s.plugin(paginate)
s.index({ a: 1 }, { partialFilterExpression: filter() })
s.index({ b: 1 }, { odd: true })
s.index({ c: 'around' })
for (const field of ['x']) s.index({ [field]: 1 })
if (process.env.FAST) s.index({ d: 1 })
mongoose.model('A', s)
mongoose.model(name(), s)
mongoose.model('B', build())
mongoose.model('A').discriminator('C', new Schema({ e: { type: String, index: true } }))
mongoose.plugin(audit)
function later(schema) { schema.index({ f: 1 }) }
s.searchIndex({ name: 'x' })
";
    assert_data_eq!(
        found(&[("a.mjs", text)]),
        str![[r#"
as (A)
  {email: 1}
  {d: 1}
NotFollowed: a.mjs:5:3: `address`: `address` comes from ./address, which is not among the files
NotFollowed: a.mjs:5:13: a field whose name is made when the code runs
NotFollowed: a.mjs:6:6: fields that are spread in: what a function gives is not followed
NotFollowed: a.mjs:6:16: `email`: it comes from the package `mongoose-type-email`
Remark: a.mjs:7:25: `when`: `expires` has no effect, the field holds no dates
NotFollowed: a.mjs:7:40: `made`: what a function gives is not followed
NotFollowed: a.mjs:7:54: `map`: indexes inside a map, or an array with `of`, are not followed
NotFollowed: a.mjs:8:27: `chosen`: `process.env.INDEX` is declared in none of the files
NotFollowed: a.mjs:10:3: plugins are not followed: this one may declare indexes
NotFollowed: a.mjs:11:46: an index is left out: what a function gives is not followed
NotFollowed: a.mjs:12:3: an index is left out: the option `odd: true` is not known
NotFollowed: a.mjs:13:9: an index is left out: `c: "around"` is no kind of index
Remark: a.mjs:14:30: an index inside a loop: it is taken as if the code always ran, once
NotFollowed: a.mjs:14:39: an index is left out: `field` is a name whose value only the running code knows
Remark: a.mjs:15:25: an index inside a condition: it is taken as if the code always ran, once
NotFollowed: a.mjs:17:16: the name of a model or of its collection: what a function gives is not followed
NotFollowed: a.mjs:18:10: the schema of the model `B`: what a function gives is not followed
NotFollowed: a.mjs:19:21: discriminators are not followed
NotFollowed: a.mjs:19:40: a schema that no model of these files has: its indexes (1) are missing
NotFollowed: a.mjs:20:10: plugins are not followed: this one may declare indexes in every schema
NotFollowed: a.mjs:21:33: an index of something that is not followed: `schema` is a parameter
Remark: a.mjs:22:3: search indexes belong to Atlas: specifications have none

"#]]
    );
}

#[test]
fn what_is_declared_twice_is_there_once() {
    let fields =
        "a: { type: String, unique: true }, b: { type: String, index: true }, t: { type: Date, index: true }";
    let more = "s.index({ a: 1 }, { unique: true })\ns.index({ b: 1 }, { unique: true })\n\
                s.index({ t: 1 }, { expireAfterSeconds: 60, name: 'ttl' })\ns.index({ a: 1 }, { sparse: true, name: 'other' })";
    assert_data_eq!(
        of_fields(fields, more),
        str![[r#"
as (A)
  {a: 1} (unique)
  {b: 1}
  {t: 1}
  {a: 1} (sparse) as other
Merged: a.js:3:3: {a: 1} (unique) is declared in a.js:2 already
LeftOut: a.js:4:3: {b: 1} (unique) cannot stand beside {b: 1} of a.js:2: left out, as the server would refuse it
LeftOut: a.js:5:3: {t: 1} (expireAfterSeconds: 60) cannot stand beside {t: 1} of a.js:2: left out, as the server would refuse it

"#]]
    );
}

#[test]
fn what_mongodb_would_refuse_is_left_out() {
    let more = "s.index({ a: 1, b: 1 }, { expireAfterSeconds: 60 })\ns.index({ c: 1 }, { sparse: true, partialFilterExpression: { a: 1 } })";
    assert_data_eq!(
        of_fields("a: String", more),
        str![[r#"
as (A)
LeftOut: a.js:3:3: as: {a: 1, b: 1} (expireAfterSeconds: 60) is left out: only an index on one field can expire documents
LeftOut: a.js:4:3: as: {c: 1} (sparse, partialFilterExpression: {"a":1}) is left out: an index is sparse or partial, not both

"#]]
    );
}

#[test]
fn decorated_classes_are_told() {
    let text = "import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose'
@Schema()
export class Cat { @Prop({ index: true }) name: string }
export const CatSchema = SchemaFactory.createForClass(Cat)
";
    let text = found(&[("cat.ts", text)]);
    assert_data_eq!(
        text,
        str![[r#"
NotFollowed: cat.ts:2:1: schemas that are declared by decorators are not followed
NotFollowed: cat.ts:3:20: schemas that are declared by decorators are not followed

"#]]
    );
}

#[test]
fn other_code_is_passed_over() {
    let text = "const list = new Set(); list.add({ a: 1 }); new Map().set('a', 1)
app.model('x'); tf.model(inputs, outputs); array.index(3); $('#a').text('b'); $('<a>').remove()
class Schema {} ; new Schema({ a: 1 })
";
    assert_eq!(found(&[("a.js", text)]), "");
}

#[track_caller]
fn syntax_error(path: &str, text: &str) -> String {
    read_text(path, text).unwrap_err().to_string()
}

#[test]
fn a_syntax_error_has_its_place() {
    let text = syntax_error("a.js", "const a = 1\nconst é = {b: }\n");
    assert!(text.contains("--> a.js:2:15"), "{text}");
}

#[test]
fn no_source_exhausts_the_stack() {
    for (name, text) in [
        ("brackets.js", "[".repeat(100_000)),
        ("signs.js", format!("x={}1", "!".repeat(100_000))),
        ("sums.js", format!("x={}1", "a+".repeat(50_000))),
        ("members.js", format!("s{}.index({{a:1}})", ".index({})".repeat(5_000))),
        ("hidden.js", format!("x={}1{}", "[\")\",".repeat(20_000), "]".repeat(20_000))),
        ("types.ts", format!("let x:{}B{}", "A<".repeat(20_000), ">".repeat(20_000))),
        ("patterns.js", format!("const {}a{} = b", "{a:".repeat(400), "}".repeat(400))),
        ("names.js", "const a = b, b = a; new (require('mongoose').Schema)(a); ".to_owned()),
    ] {
        // Whatever it comes to, it comes to an end.
        let _ = read_text(name, &text);
    }
}

#[test]
fn a_few_lines_do_not_make_millions() {
    let mut spreads =
        "const { Schema, model } = require('mongoose'); const v0 = { a: { type: String, index: true } };\n"
            .to_owned();
    let mut schemas = "const { Schema, model } = require('mongoose'); const v0 = new Schema({ a: { type: String, index: true } });\n".to_owned();
    for number in 1..40 {
        let before = number - 1;
        let _ =
            writeln!(spreads, "const v{number} = {{ ...v{before}, ...v{before}, x: {{ ...v{before} }} }};");
        let _ = writeln!(schemas, "const v{number} = new Schema({{ x: v{before}, y: v{before} }});");
    }
    for text in [spreads + "model('A', new Schema(v39))", schemas + "model('A', v39)"] {
        let report = read(&[("a.js", &text)]);
        assert!(!report.is_complete());
    }
}
