package publish

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// look is the job that sees whether the store still has the initializations: they are written once, and somebody may
// have removed them, or the whole folder. Playlists come back by being written again, see refreshEvery.
type look struct {
	running bool
	rounds  uint64 // of playlists, when it began last
	remade  uint64 // what the store told then
}

// remaker is a store that notices that it was removed: it tells how often it had to make again what it had made.
type remaker interface {
	Remade() uint64
}

// startLook looks after refreshEvery rounds, or when the store had to make a folder again; then all playlists are
// written, too. The caller holds mu.
func (p *Publisher) startLook(ctx context.Context) {
	remade := p.look.remade
	if s, ok := p.cfg.Store.(remaker); ok {
		remade = s.Remade()
	}
	if p.look.running || remade == p.look.remade && p.status.rounds < p.look.rounds+refreshEvery {
		return
	}
	if remade != p.look.remade {
		p.manifest.refresh = true
	}
	p.look = look{running: true, rounds: p.status.rounds, remade: remade}
	var inits []*initObject
	for _, o := range p.inits {
		if o.stored {
			inits = append(inits, o)
		}
	}
	p.spawn(func() { p.lookForInits(ctx, inits) })
}

// lookForInits has those written again that are not there any more, or not whole.
func (p *Publisher) lookForInits(ctx context.Context, inits []*initObject) {
	sizes, err := p.initSizes(ctx, inits)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.look.running = false
	if err != nil {
		p.failed(fmt.Errorf("looking for initializations: %w", err))
		return
	}
	var lost []string
	for _, o := range inits {
		name := o.object.Name
		if size, there := sizes[name]; there && size == int64(len(o.object.Body)) || p.inits[name] != o {
			continue // it is there, or has expired meanwhile
		}
		o.stored = false
		lost = append(lost, name)
	}
	if len(lost) == 0 {
		return
	}
	slices.Sort(lost)
	p.event("warning", fmt.Sprintf("what it had taken is missing and is written again (%s); somebody removed it, and "+
		"maybe segments that are listed, which do not come back", strings.Join(lost, ", ")))
}

// initSizes are the sizes of the initializations that the store has, by name. Segments are not asked for: a folder's
// names are enough to find what is to be looked at.
func (p *Publisher) initSizes(ctx context.Context, inits []*initObject) (map[string]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.RetryFor)
	defer cancel()
	sizes, asked := map[string]int64{}, map[string]bool{}
	for _, o := range inits {
		prefix := o.object.Name[:strings.LastIndexByte(o.object.Name, '/')+1] + "init-"
		if asked[prefix] {
			continue
		}
		asked[prefix] = true
		list, err := p.cfg.Store.List(ctx, prefix)
		if err != nil {
			return nil, err
		}
		for _, info := range list {
			sizes[info.Name] = info.Size
		}
	}
	return sizes, nil
}
