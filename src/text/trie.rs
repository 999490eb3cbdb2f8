//! Which token is the longest that a word begins with: a trie over the bytes of all tokens.
//!
//! It is a double array: the children of a node lie at `base ^ byte`, so that a step is one look at one place of memory, and
//! a place knows whose child it is, so that the children of many nodes can lie between one another. A vocabulary of 30,000
//! tokens takes about a megabyte, which stays in the processor's second cache.

/// Where a walk stands. The root is 0.
pub(super) type NodeIndex = u32;

/// A set of byte strings with a number each, which a word is walked through byte by byte.
#[derive(Debug)]
pub(super) struct Trie {
    /// A whole number of blocks.
    nodes: Vec<Node>,
}

/// 12 bytes.
#[derive(Debug, Clone, Copy)]
struct Node {
    /// The child for `byte` is `base ^ byte`, if that one has this node as its parent. 0 where there are no children: the
    /// nodes of the first block have other parents.
    base: u32,
    /// The node that this is a child of.
    parent: NodeIndex,
    /// The number of the string that ends here.
    id: u32,
}

/// No node, and no string.
const NONE: u32 = u32::MAX;

const FREE: Node = Node { base: 0, parent: NONE, id: NONE };

/// Nodes that differ in one byte of their index only; all children of a node lie in one block.
const BLOCK: usize = 256;

/// Free places that are tried for the children of a node before a new block is begun. With this many, hardly a place stays
/// unused.
const ATTEMPTS: usize = 128;

impl Trie {
    /// The root: no byte has been read.
    pub const ROOT: NodeIndex = 0;

    /// A trie of different strings; `None` where they are too many to be numbered.
    ///
    /// Numbers are below `u32::MAX`.
    pub fn new(mut strings: Vec<(&[u8], u32)>) -> Option<Self> {
        strings.sort_unstable();
        let mut builder = Builder { nodes: vec![FREE; BLOCK], first_free: 1, roomy: 1 };
        // Nodes whose children are not placed yet: the strings that run through them, and how many of their bytes do.
        let mut open = vec![(Self::ROOT, 0..strings.len(), 0_usize)];
        let mut labels = Vec::with_capacity(BLOCK);
        while let Some((node, mut range, depth)) = open.pop() {
            // In sorted order the string that ends here comes before those that go on.
            if let Some((string, id)) = strings.get(range.start)
                && string.len() == depth
            {
                builder.nodes[node as usize].id = *id;
                range.start += 1;
            }
            if range.is_empty() {
                continue;
            }
            labels.clear();
            let label = |(string, _): &(&[u8], u32)| string.get(depth).copied().unwrap_or_default();
            labels.extend(
                strings[range.clone()].chunk_by(|one, other| label(one) == label(other)).map(|run| label(&run[0])),
            );
            let base = builder.place(node, &labels)?;
            let mut begin = range.start;
            for run in strings[range].chunk_by(|one, other| label(one) == label(other)) {
                open.push((base ^ u32::from(label(&run[0])), begin..begin + run.len(), depth + 1));
                begin += run.len();
            }
        }
        Some(Self { nodes: builder.nodes })
    }

    /// The node one byte further on, if any string goes on so.
    #[inline]
    pub fn step(&self, node: NodeIndex, byte: u8) -> Option<NodeIndex> {
        let child = self.nodes[node as usize].base ^ u32::from(byte);
        (self.nodes[child as usize].parent == node).then_some(child)
    }

    /// The number of the string that ends at a node.
    #[inline]
    pub fn id(&self, node: NodeIndex) -> Option<u32> {
        let id = self.nodes[node as usize].id;
        (id != NONE).then_some(id)
    }

    /// The node at the end of some bytes, if any string begins with them.
    pub fn walk(&self, bytes: &[u8]) -> Option<NodeIndex> {
        bytes.iter().try_fold(Self::ROOT, |node, &byte| self.step(node, byte))
    }
}

/// A trie under way.
struct Builder {
    nodes: Vec<Node>,
    /// No place before this one is free.
    first_free: usize,
    /// Places before this one are not tried for several children at once any more.
    roomy: usize,
}

impl Builder {
    fn is_free(&self, index: usize) -> bool {
        index != Trie::ROOT as usize && self.nodes[index].parent == NONE
    }

    /// The first free place from `index` on; a new block is begun where there is none.
    fn free_from(&mut self, mut index: usize) -> usize {
        while index < self.nodes.len() && !self.is_free(index) {
            index += 1;
        }
        if index == self.nodes.len() {
            self.nodes.resize(index + BLOCK, FREE);
        }
        index
    }

    /// Places the children of a node, one for each label, and returns their base.
    fn place(&mut self, node: NodeIndex, labels: &[u8]) -> Option<u32> {
        let (&first, rest) = labels.split_first()?;
        let mut place;
        if rest.is_empty() {
            self.first_free = self.free_from(self.first_free);
            place = self.first_free;
        } else {
            self.roomy = self.free_from(self.roomy.max(self.first_free));
            place = self.roomy;
            let mut attempts = 0;
            while !rest.iter().all(|&label| self.is_free(place ^ usize::from(first ^ label))) {
                attempts += 1;
                if attempts == ATTEMPTS {
                    self.roomy = place;
                    place = self.nodes.len();
                } else {
                    place += 1;
                }
                place = self.free_from(place);
            }
        }
        let base = u32::try_from(place).ok().filter(|&place| place < NONE)? ^ u32::from(first);
        self.nodes[node as usize].base = base;
        for &label in labels {
            self.nodes[(base ^ u32::from(label)) as usize].parent = node;
        }
        Some(base)
    }
}
