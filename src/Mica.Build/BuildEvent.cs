using Mica.Oci;

namespace Mica.Build;

/// <summary>
/// What happens in a build: facts, in their order, from several threads, one at a time. A step has a number, counted from 1 in
/// the order in which steps begin.
/// </summary>
public abstract record BuildEvent
{
    private protected BuildEvent()
    {
    }
}

/// <summary>A step begins. <paramref name="Name"/> is as BuildKit shows it: <c>[build 2/4] RUN make</c>.</summary>
public sealed record StepStarted(int Step, string Name) : BuildEvent;

/// <summary>The step's result was there already.</summary>
public sealed record StepCached(int Step) : BuildEvent;

/// <summary>Why the step is executed: what differs from the last build (<c>--explain</c>).</summary>
public sealed record StepExplained(int Step, string Reason) : BuildEvent;

/// <summary>Bytes that the step's command wrote, as they came.</summary>
public sealed record StepOutput(int Step, bool IsError, ReadOnlyMemory<byte> Bytes) : BuildEvent;

/// <summary>Something about the step that people should know, in one line.</summary>
public sealed record StepNotice(int Step, string Text) : BuildEvent;

/// <summary>Content moves for the step: a base image is pulled.</summary>
public sealed record StepProgress(int Step, ProgressEvent Progress) : BuildEvent;

/// <summary>The step is done.</summary>
public sealed record StepCompleted(int Step, TimeSpan Elapsed) : BuildEvent;

/// <summary>The step failed, or was stopped because another one did.</summary>
public sealed record StepFailed(int Step, string Message, bool IsCancelled) : BuildEvent;
