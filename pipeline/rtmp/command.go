package rtmp

import (
	"errors"
	"fmt"

	"onair/pkg/amf"
	"onair/pkg/gate"
	"onair/pkg/rtmp"
)

// maxCommands is how many commands a session may send: an encoder needs about ten.
const maxCommands = 1000

var errTooMuch = errors.New("too many commands")

// Codes of NetConnection and NetStream.
const (
	connected    = "NetConnection.Connect.Success"
	rejected     = "NetConnection.Connect.Rejected"
	published    = "NetStream.Publish.Start"
	badName      = "NetStream.Publish.BadName"
	playFailed   = "NetStream.Play.Failed"
	ourStream    = 1 // the message stream that createStream gives
	streamBegins = 0 // event of UserControl
)

// command answers a command (§7.2).
func (s *session) command(stream uint32, body []byte) error {
	if s.caller.commands++; s.caller.commands > maxCommands {
		return errTooMuch
	}
	values, err := amf.Decode(body)
	if err != nil || len(values) < 2 {
		return fmt.Errorf("%w: a command that cannot be read", rtmp.ErrProtocol)
	}
	name, _ := values[0].(string)
	id, _ := values[1].(float64)
	args := values[2:]
	switch name {
	case "connect":
		return s.connect(id, args)
	case "createStream":
		return s.send(reply("_result", id, nil, ourStream))
	case "releaseStream":
		return s.send(reply("_result", id, nil, nil))
	case "FCPublish":
		return s.send(reply("_result", id, nil, nil),
			reply("onFCPublish", 0, nil, status(published, "FCPublish")))
	case "publish":
		return s.publish(stream, args)
	case "play", "play2":
		return s.refuse(nil, event(stream, "error", playFailed, "this is for publishers"), gate.Media, "wants to play")
	case "deleteStream", "closeStream", "FCUnpublish":
		if s.stream != nil {
			return errDone
		}
	}
	return nil
}

// reply is a command of ours.
func reply(name string, id float64, args ...any) rtmp.Message {
	return rtmp.Message{Type: rtmp.CommandAMF0, Body: amf.Append(amf.Append(nil, name, id), args...)}
}

func status(code, description string) amf.Object {
	return amf.Object{
		{Name: "level", Value: "status"}, {Name: "code", Value: code}, {Name: "description", Value: description},
	}
}

// rejection is the answer to a connect that comes to nothing.
func rejection(id float64, description string) rtmp.Message {
	info := status(rejected, description)
	info[0].Value = "error"
	return reply("_error", id, nil, info)
}

// event is an onStatus (§7.2.2).
func event(stream uint32, level, code, description string) rtmp.Message {
	info := status(code, description)
	info[0].Value = level
	m := reply("onStatus", 0, nil, info)
	m.Stream = stream
	return m
}

// refuse answers, tells the stream that was asked for, or those of the application, and ends the session.
func (s *session) refuse(st *stream, answer rtmp.Message, cause gate.Cause, why string) error {
	if why = s.peer.Addr().String() + " " + why; st != nil {
		st.receiver.Refused(cause, why)
	} else {
		s.port.blame(s.caller.app, cause, why)
	}
	if err := s.send(answer); err != nil {
		return err
	}
	return errRefused
}

// connect answers the first command: the application has to be one of the port.
func (s *session) connect(id float64, args []any) error {
	if s.caller.app != "" || len(args) == 0 {
		return fmt.Errorf("%w: connect twice, or without saying to what", rtmp.ErrProtocol)
	}
	info, _ := args[0].(amf.Object)
	s.caller.connect(info.Text("app"), info.Text("tcUrl"))
	if s.caller.app == "" || len(s.port.reached(s.caller.app)) == 0 {
		answer := rejection(id, "there is no such application here")
		return s.refuse(nil, answer, gate.Name, "asks for an application that is not here")
	}
	if err := s.dialogue(id); err != nil {
		return err
	}
	bandwidth := rtmp.Control(rtmp.PeerBandwidth, ackWindow)
	const dynamic = 2
	bandwidth.Body = append(bandwidth.Body, dynamic)
	properties := amf.Object{{Name: "fmsVer", Value: "FMS/3,0,1,123"}, {Name: "capabilities", Value: 31}}
	success := status(connected, "welcome")
	success = append(success, amf.Property{Name: "objectEncoding", Value: 0})
	return s.send(
		rtmp.Control(rtmp.WindowAckSize, ackWindow), bandwidth, rtmp.Control(rtmp.SetChunkSize, ourChunk),
		reply("_result", id, properties, success))
}

// publish lets the publisher of a stream in, or not.
func (s *session) publish(id uint32, args []any) error {
	name := ""
	if len(args) > 1 { // behind a null
		name, _ = args[1].(string)
	}
	switch {
	case s.caller.app == "":
		return fmt.Errorf("%w: publish before connect", rtmp.ErrProtocol)
	case s.stream != nil:
		return fmt.Errorf("%w: publish twice", rtmp.ErrProtocol)
	}
	st := s.port.find(s.caller.path(name))
	no := func(cause gate.Cause, why string) error {
		return s.refuse(st, event(id, "error", badName, why), cause, why)
	}
	switch {
	case st == nil:
		return no(gate.Credentials, "has a wrong stream key")
	case !st.receiver.Allowed(s.peer.Addr()):
		return no(gate.Address, "is not in allow")
	case !s.caller.knows(st.url):
		return no(gate.Credentials, "has wrong credentials, or none")
	}
	switch taken, err := s.claim(st); {
	case err != nil:
		return err
	case taken:
		st.receiver.Second(s.peer)
		if err := s.send(event(id, "error", badName, "another one is publishing")); err != nil {
			return err
		}
		return errRefused
	}
	s.in.SetLimit(mostMedia)
	st.mux.Begin()
	st.receiver.Begin(s.peer)
	begins := rtmp.Message{Type: rtmp.UserControl, Body: []byte{0, streamBegins, 0, 0, 0, byte(id)}}
	return s.send(begins, event(id, "status", published, "on air"))
}

// data takes metadata: they say whether both picture and sound come.
func (s *session) data(body []byte) {
	values, err := amf.Decode(body)
	if s.stream == nil || err != nil {
		return
	}
	for _, v := range values {
		if o, ok := v.(amf.Object); ok {
			s.stream.mux.Announce(o.Get("videocodecid") != nil, o.Get("audiocodecid") != nil)
		}
	}
}
