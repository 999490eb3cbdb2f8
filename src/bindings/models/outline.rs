//! The parts of a model with the shapes of their parameters, for `repr`.

/// A part of a name: the parts below it, or the shape of a parameter.
#[derive(PartialEq, Eq)]
enum Node<'a> {
    Part(Vec<(&'a str, Node<'a>)>),
    Shape(&'a [i64]),
}

/// Return an indented tree of the parts in their order. Equal neighbours with numbers for names are shown once.
pub(crate) fn outline(parameters: &[(String, Vec<i64>)]) -> String {
    let mut root = Vec::new();
    for (name, shape) in parameters {
        insert(&mut root, name, shape);
    }
    let mut lines = Vec::new();
    write(&root, 1, &mut lines);
    lines.join("\n")
}

fn insert<'a>(parts: &mut Vec<(&'a str, Node<'a>)>, name: &'a str, shape: &'a [i64]) {
    let Some((first, rest)) = name.split_once('.') else {
        parts.push((name, Node::Shape(shape)));
        return;
    };
    if parts.last().is_none_or(|(last, _)| *last != first) {
        parts.push((first, Node::Part(Vec::new())));
    }
    if let Some((_, Node::Part(below))) = parts.last_mut() {
        insert(below, rest, shape);
    }
}

fn write(parts: &[(&str, Node)], depth: usize, lines: &mut Vec<String>) {
    let mut place = 0;
    while place < parts.len() {
        let (name, node) = &parts[place];
        let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
        let same = if is_number { parts[place..].iter().take_while(|(_, other)| other == node).count() } else { 1 };
        let label =
            if same > 1 { format!("{name}-{} ({same} times)", parts[place + same - 1].0) } else { (*name).into() };
        let indent = "  ".repeat(depth);
        match node {
            Node::Shape(shape) => lines.push(format!("{indent}{label} {shape:?}")),
            Node::Part(below) if below.iter().all(|(_, node)| matches!(node, Node::Shape(_))) => {
                let shapes = below.iter().map(|(name, node)| match node {
                    Node::Shape(shape) => format!("{name} {shape:?}"),
                    Node::Part(_) => String::new(),
                });
                lines.push(format!("{indent}{label}: {}", shapes.collect::<Vec<_>>().join(", ")));
            }
            Node::Part(below) => {
                lines.push(format!("{indent}{label}"));
                write(below, depth + 1, lines);
            }
        }
        place += same;
    }
}
