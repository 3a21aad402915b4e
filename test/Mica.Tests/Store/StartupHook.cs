using Mica.Tests.Store;

/// <summary>What the runtime calls before the program when DOTNET_STARTUP_HOOKS names this assembly.</summary>
#pragma warning disable CA1050 // The runtime looks for it outside of any namespace.
internal static class StartupHook
#pragma warning restore CA1050
{
    public static void Initialize() => Victim.Start();
}
