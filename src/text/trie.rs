//! A trie over the bytes of all tokens, to find the longest token that a word starts with.
//!
//! The trie is a double array. The children of a node are at the indices `base ^ byte`, so a step reads one place in
//! memory. Every place holds the index of its parent, so the children of many nodes can be interleaved. A vocabulary of
//! 30,000 tokens takes about a megabyte, which fits in the processor's second-level cache.

use crate::error::Result;
use crate::interrupt;

/// The index of a node. The root is 0.
pub(super) type NodeIndex = u32;

/// A set of byte strings, each with a number, that is searched byte by byte.
#[derive(Debug)]
pub(super) struct Trie {
    /// A whole number of blocks.
    nodes: Vec<Node>,
}

/// A place in the array, 12 bytes.
#[derive(Debug, Clone, Copy)]
struct Node {
    /// The child for `byte` is at `base ^ byte`, if the node there has this node as its parent. `base` is 0 if there
    /// are no children: all nodes of the first block have another parent.
    base: u32,
    /// The index of the parent.
    parent: NodeIndex,
    /// The number of the string that ends here.
    id: u32,
}

/// Stands for no node and for no string.
const NONE: u32 = u32::MAX;

const FREE: Node = Node { base: 0, parent: NONE, id: NONE };

/// The size of a block, whose indices differ in the lowest byte only. All children of a node are in one block.
const BLOCK: usize = 256;

/// The number of free places to try for the children of a node before a new block is appended. With this many, hardly
/// any place stays unused.
const ATTEMPTS: usize = 128;

impl Trie {
    /// The root, where no byte has been read.
    pub const ROOT: NodeIndex = 0;

    /// Build a trie of distinct strings with their numbers, which must be below `u32::MAX`. `None` if there are too
    /// many nodes for 32-bit indices.
    ///
    /// # Errors
    /// The errors of [`interrupt::go_on`].
    pub fn new(mut strings: Vec<(&[u8], u32)>) -> Result<Option<Self>> {
        strings.sort_unstable();
        let mut builder = Builder { nodes: vec![FREE; BLOCK], first_free: 1, roomy: 1 };
        // Nodes whose children have no place yet, with the range of the strings that pass through them and their depth.
        let mut open = vec![(Self::ROOT, 0..strings.len(), 0_usize)];
        let mut labels = Vec::with_capacity(BLOCK);
        let mut step = 0;
        while let Some((node, mut range, depth)) = open.pop() {
            interrupt::go_on_at(step)?;
            step += 1;
            // In sorted order, the string that ends here comes before those that continue.
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
            let Some(base) = builder.place(node, &labels) else { return Ok(None) };
            let mut start = range.start;
            for run in strings[range].chunk_by(|one, other| label(one) == label(other)) {
                open.push((base ^ u32::from(label(&run[0])), start..start + run.len(), depth + 1));
                start += run.len();
            }
        }
        Ok(Some(Self { nodes: builder.nodes }))
    }

    /// Return the child of a node for a byte. `None` if no string continues so.
    #[inline]
    pub fn step(&self, node: NodeIndex, byte: u8) -> Option<NodeIndex> {
        let child = self.nodes[node as usize].base ^ u32::from(byte);
        (self.nodes[child as usize].parent == node).then_some(child)
    }

    /// Return the number of the string that ends at a node. `None` if no string ends there.
    #[inline]
    pub fn id(&self, node: NodeIndex) -> Option<u32> {
        let id = self.nodes[node as usize].id;
        (id != NONE).then_some(id)
    }

    /// Return the node at the end of some bytes. `None` if no string starts with them.
    pub fn walk(&self, bytes: &[u8]) -> Option<NodeIndex> {
        bytes.iter().try_fold(Self::ROOT, |node, &byte| self.step(node, byte))
    }
}

/// A trie that is being built.
struct Builder {
    nodes: Vec<Node>,
    /// No place before this one is free.
    first_free: usize,
    /// Places before this one are no longer tried for several children at once.
    roomy: usize,
}

impl Builder {
    fn is_free(&self, index: usize) -> bool {
        index != Trie::ROOT as usize && self.nodes[index].parent == NONE
    }

    /// Return the first free place from `index` on. If there is none, append a block.
    fn free_from(&mut self, mut index: usize) -> usize {
        while index < self.nodes.len() && !self.is_free(index) {
            index += 1;
        }
        if index == self.nodes.len() {
            self.nodes.resize(index + BLOCK, FREE);
        }
        index
    }

    /// Find places for the children of a node, one for each label, and return their base.
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
