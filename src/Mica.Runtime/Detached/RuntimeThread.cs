using System.Runtime.ExceptionServices;
using Mica.Linux;

namespace Mica.Runtime;

/// <summary>
/// A thread of its own for what a runtime has to do with a container: with mounts that nobody else sees, and with cgroups as
/// the runtime wants to find them. What is started there keeps the mounts for as long as it runs.
/// </summary>
internal static class RuntimeThread
{
    public static T Run<T>(OciRuntime runtime, bool usesCgroups, Func<T> work)
    {
        T? result = default;
        ExceptionDispatchInfo? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                ThreadNamespaces.UnshareMounts();
                Cgroups.PrepareFor(runtime, usesCgroups);
                result = work();
            }
            catch (Exception error)
            {
                failure = ExceptionDispatchInfo.Capture(error);
            }
        })
        {
            IsBackground = true,
            Name = "container",
        };
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result!;
    }
}
