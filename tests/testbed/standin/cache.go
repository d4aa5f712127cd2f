// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"container/list"
	"hash/fnv"
	"sync"
)

// A block is 16 tokens of 4 bytes, as many as vLLM keeps together.
const (
	blockBytes  = 64
	blockTokens = 16
)

// prefixCache knows which beginnings of prompts an engine has computed: in blocks, each told from others by itself and
// all that comes before it. When it is full, the block goes that was asked for longest ago.
type prefixCache struct {
	mutex sync.Mutex
	most  int
	known map[uint64]*list.Element
	order *list.List // the youngest first
}

func newPrefixCache(most int) *prefixCache {
	return &prefixCache{most: most, known: map[uint64]*list.Element{}, order: list.New()}
}

// take says how many blocks a prompt has and how many of them, from its beginning on, were known. Now all are.
func (c *prefixCache) take(prompt string) (blocks, hits int) {
	if c.most == 0 {
		return 0, 0
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	chain := fnv.New64a()
	for ; len(prompt) >= blockBytes; prompt = prompt[blockBytes:] {
		_, _ = chain.Write([]byte(prompt[:blockBytes]))
		if c.touch(chain.Sum64()) && hits == blocks {
			hits++
		}
		blocks++
	}
	return blocks, hits
}

func (c *prefixCache) touch(block uint64) bool {
	if found := c.known[block]; found != nil {
		c.order.MoveToFront(found)
		return true
	}
	c.known[block] = c.order.PushFront(block)
	if c.order.Len() > c.most {
		delete(c.known, c.order.Remove(c.order.Back()).(uint64))
	}
	return false
}
